"""Figures and tables of real studies."""

import sys
from collections.abc import Iterator

import pandas
import plotly.graph_objects as graph
import pytest

import hone
from hone import plots
from hone.client import Trial

from .support.real import Hone
from .support.served import Served

SPACE = {
    "rate": {"float": [1e-4, 1e-1], "scale": "log"},
    "units": {"int": [8, 64]},
    "kind": {"choice": ["sgd", "<b>adam</b>"]},
    "momentum": {"float": [0, 0.9], "when": {"kind": "sgd"}},
}


def train(trial: Trial) -> float:
    loss = abs(trial.params["rate"] - 0.01) * 10 + trial.params["units"] / 64 + (trial.params["kind"] == "sgd")
    for epoch in range(1, 4):
        trial.report(epoch, loss=loss + 1 / epoch)
    if trial.number == 7:
        raise ValueError("a bad batch")
    return float(loss)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[hone.Client]:
    served = Served(Hone(tmp_path_factory.mktemp("hone")))
    served.start()
    with served.connect() as client:
        yield client
    served.end()


@pytest.fixture(scope="module")
def study(client: hone.Client) -> hone.Study:
    study = client.create_study(name="<i>drawn</i>", space=SPACE, metric="loss", sampler="random", seed=1)
    study.optimize(train, n_trials=40, catch=ValueError)
    return study


@pytest.fixture(scope="module")
def two(client: hone.Client) -> hone.Study:
    study = client.create_study(space=SPACE, metrics=["loss", "time"], directions=["minimize", "maximize"], seed=1)
    study.optimize(lambda trial: (trial.params["rate"], trial.params["units"]), n_trials=15)
    return study


def data(figure: graph.Figure, kind: str) -> list[graph.Figure]:
    """The traces of one kind; each figure can be written out, too."""
    assert len(figure.to_html(include_plotlyjs=False)) > 500
    assert "<i>" not in (figure.layout.title.text or "")
    return [trace for trace in figure.data if trace.type == kind]


def test_history_shows_values_and_the_best_so_far(study: hone.Study) -> None:
    points, line = data(plots.history(study), "scatter")
    complete = [trial for trial in study.trials if trial.state == "complete"]
    assert list(points.x) == [trial.number for trial in complete]
    assert list(points.y) == [trial.value for trial in complete]
    assert len(points.x) == 39
    assert list(line.y) == [min(points.y[: index + 1]) for index in range(39)]


def test_history_of_a_maximum_rises(client: hone.Client) -> None:
    study = client.create_study(space=SPACE, direction="maximize")
    study.optimize(lambda trial: [3.0, 5.0, 4.0][trial.number], n_trials=3)
    _, line = data(plots.history(study), "scatter")
    assert list(line.y) == [3, 5, 5]


def test_parallel_coordinates_go_through_every_axis(study: hone.Study) -> None:
    (lines,) = data(plots.parallel_coordinates(study, ["rate", "units", "kind"]), "parcoords")
    assert [axis.label for axis in lines.dimensions] == ["loss", "rate", "units", "kind"]
    assert {len(axis["values"]) for axis in lines.dimensions} == {39}
    assert -4 <= min(lines.dimensions[1]["values"]) <= max(lines.dimensions[1]["values"]) <= -1
    assert set(lines.dimensions[3]["ticktext"]) == {"sgd", "&lt;b>adam&lt;/b>"}
    (lines,) = data(plots.parallel_coordinates(study), "parcoords")
    assert len(lines.dimensions[0]["values"]) == sum("momentum" in it.params for it in study.trials if it.value)


def test_slices_show_each_parameter_on_its_own_scale(study: hone.Study) -> None:
    figure = plots.slices(study)
    assert len(data(figure, "scatter")) == 4
    assert figure.layout.xaxis.type == "log"
    assert figure.layout.xaxis2.type == "linear"
    assert figure.layout.xaxis3.type == "category"
    (one,) = data(plots.slices(study, ["units"]), "scatter")
    assert len(one.x) == 39


def test_a_contour_interpolates_between_trials(study: hone.Study) -> None:
    figure = plots.contour(study, "rate", "units")
    (surface,), (points,) = data(figure, "contour"), data(figure, "scatter")
    assert len(points.x) == 39
    heights = [value for row in surface.z for value in row]
    assert len(heights) == 40 * 40
    values = [trial.value for trial in study.trials if trial.value is not None]
    assert min(values) <= min(heights) <= max(heights) <= max(values)
    assert figure.layout.xaxis.type == "log"
    with pytest.raises(hone.HoneError, match="needs two complete trials that have both as numbers"):
        plots.contour(study, "rate", "kind")
    with pytest.raises(hone.HoneError, match=r"has a parameter `rat`; they have `rate`, `units`"):
        plots.contour(study, "rat", "units")


def test_importances_are_those_of_the_coordinator(study: hone.Study) -> None:
    (bars,) = data(plots.importances(study), "bar")
    found = study.explain()
    assert dict(zip(reversed(bars.y), reversed(bars.x), strict=True)) == found.importances
    assert next(iter(found.importances)) == "kind"


def test_intermediate_values_have_a_line_for_each_trial(study: hone.Study) -> None:
    lines = data(plots.intermediate_values(study), "scatter")
    assert len(lines) == 40
    assert {tuple(line.x) for line in lines} == {(1, 2, 3)}


def test_the_front_stands_apart(two: hone.Study) -> None:
    others, front = data(plots.pareto_front(two), "scatter")
    assert len(front.x) == len(two.best_trials) > 0
    assert len(others.x) + len(front.x) == 15
    with pytest.raises(hone.HoneError, match="has several objectives; name one of loss, time"):
        plots.history(two)
    assert len(data(plots.history(two, "time"), "scatter")) == 2
    with pytest.raises(hone.HoneError, match="`speed` is no objective"):
        plots.history(two, "speed")


def test_one_objective_has_no_front(study: hone.Study) -> None:
    with pytest.raises(hone.HoneError, match=r"has one objective; `hone.plots.history` shows its values"):
        plots.pareto_front(study)


def test_trials_are_a_table_of_pandas(study: hone.Study) -> None:
    frame = study.trials_dataframe()
    assert len(frame) == 40
    assert list(frame.columns[:3]) == ["number", "state", "value.loss"]
    assert {"params.rate", "params.kind", "started", "ended", "duration", "tags"} <= set(frame.columns)
    assert frame["value.loss"].min() == study.best_value
    assert frame["value.loss"].isna().sum() == 1
    assert str(frame["started"].dtype).endswith("UTC]")
    assert (frame["duration"] >= pandas.Timedelta(0)).all()


@pytest.mark.parametrize("library", ["pandas", "plotly.graph_objects"])
def test_what_is_missing_is_named(study: hone.Study, library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(hone.HoneError, match=r"install it with `pip install 'hone\[notebook\]'`"):
        _ = study.trials_dataframe() if library == "pandas" else plots.history(study)
