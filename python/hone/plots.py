"""Figures of studies, made with plotly.

    hone.plots.history(study).show()

Each function takes a `hone.Study` and returns a `plotly.graph_objects.Figure`. Trials that are complete are drawn.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ._errors import HoneError

if TYPE_CHECKING:
    from .client import Study, TrialRecord

__all__ = ["contour", "history", "importances", "intermediate_values", "parallel_coordinates", "pareto_front", "slices"]

#: Curves of one figure; more cannot be told apart.
_CURVES = 200
#: Cells of a contour along one axis.
_CELLS = 40


def history(study: "Study", metric: str | None = None) -> Any:
    """Values of trials by number, and the best one so far."""
    graph = _plotly()
    metric, direction = _objective(study, metric)
    trials = _complete(study)
    values = [trial.values[metric] for trial in trials]
    best: list[float] = []
    for value in values:
        best.append(value if not best else (min if direction == "minimize" else max)(best[-1], value))
    numbers = [trial.number for trial in trials]
    figure = graph.Figure()
    figure.add_scatter(x=numbers, y=values, mode="markers", name=metric, text=[_told(trial) for trial in trials])
    figure.add_scatter(x=numbers, y=best, mode="lines", name="best so far", line_shape="hv")
    return _titled(figure, study, "trial", metric)


def parallel_coordinates(study: "Study", params: Sequence[str] | None = None, metric: str | None = None) -> Any:
    """Each trial as a line through its parameters, coloured by its value."""
    graph = _plotly()
    metric, direction = _objective(study, metric)
    names = _params(study, params)
    # A line goes through every axis.
    trials = [trial for trial in _complete(study) if all(name in trial.params for name in names)]
    values = [trial.values[metric] for trial in trials]
    axes: list[dict[str, Any]] = [{"label": _plain(metric), "values": values}]
    axes += [_axis(study, name, [trial.params[name] for trial in trials]) for name in names]
    line = {
        "color": values, "colorscale": "Viridis", "showscale": True, "reversescale": direction == "minimize"
    }  # fmt: skip
    figure = graph.Figure(graph.Parcoords(line=line, dimensions=axes))
    return figure.update_layout(title=_plain(study.name))


def slices(study: "Study", params: Sequence[str] | None = None, metric: str | None = None) -> Any:
    """The value of each trial against each of its parameters, side by side."""
    from_subplots = _subplots()
    metric, _ = _objective(study, metric)
    names = _params(study, params)
    figure = from_subplots(rows=1, cols=max(len(names), 1), shared_yaxes=True)
    for column, name in enumerate(names, start=1):
        trials = [trial for trial in _complete(study) if name in trial.params]
        figure.add_scatter(
            x=[trial.params[name] for trial in trials],
            y=[trial.values[metric] for trial in trials],
            mode="markers",
            marker={"color": [trial.number for trial in trials], "colorscale": "Blues", "line": {"width": 0.5}},
            name=_plain(name),
            row=1,
            col=column,
        )
        figure.update_xaxes(title_text=_plain(name), type=_scale(study, name), row=1, col=column)
    figure.update_yaxes(title_text=_plain(metric), row=1, col=1)
    return figure.update_layout(title=_plain(study.name), showlegend=False)


def contour(study: "Study", x: str, y: str, metric: str | None = None) -> Any:
    """The values over two parameters that are numbers: weighted by distance between trials, which are drawn too."""
    graph = _plotly()
    metric, direction = _objective(study, metric)
    _params(study, [x, y])
    trials = [trial for trial in _complete(study) if _are_numbers(trial, x, y)]
    if len({(trial.params[x], trial.params[y]) for trial in trials}) < 2:
        raise HoneError(f"a contour over `{x}` and `{y}` needs two complete trials that have both as numbers")
    across, along = (_Axis([trial.params[name] for trial in trials], _scale(study, name)) for name in (x, y))
    points = [(across.place(trial.params[x]), along.place(trial.params[y]), trial.values[metric]) for trial in trials]
    height = [[_weighted(points, column, row) for column in _grid()] for row in _grid()]
    reverse = direction == "minimize"
    figure = graph.Figure()
    figure.add_contour(
        x=[across.value(it) for it in _grid()], y=[along.value(it) for it in _grid()], z=height,
        colorscale="Viridis", reversescale=reverse, colorbar={"title": {"text": _plain(metric)}}, hoverinfo="skip",
    )  # fmt: skip
    figure.add_scatter(
        x=[trial.params[x] for trial in trials],
        y=[trial.params[y] for trial in trials],
        mode="markers",
        marker={"color": "white", "line": {"width": 1, "color": "black"}},
        text=[_told(trial) for trial in trials],
        showlegend=False,
    )
    figure.update_xaxes(type=across.scale).update_yaxes(type=along.scale)
    return _titled(figure, study, x, y)


def importances(study: "Study") -> Any:
    """Which parameters matter, by `Study.explain`; pale where chance would show as much."""
    graph = _plotly()
    found = study.explain()
    shown = list(reversed(found.parameters))
    figure = graph.Figure(
        graph.Bar(
            x=[it.importance for it in shown],
            y=[_plain(it.name) for it in shown],
            orientation="h",
            marker={"opacity": [1.0 if it.is_clear else 0.4 for it in shown]},
            text=[f"{it.importance:.0%}" for it in shown],
            hovertext=[_plain(it.good) for it in shown],
        )
    )
    return _titled(figure, study, f"share of what is explained, by {found.method} over {found.judged} trials", "")


def intermediate_values(study: "Study", metric: str | None = None) -> Any:
    """The reported values of each trial by step; the last ones where there are very many trials."""
    graph = _plotly()
    metric = metric or study.metrics[0]
    trials: list[TrialRecord] = []
    for trial in study.stream_trials():
        if trial.intermediate_values(metric):
            trials = [*trials[-_CURVES + 1 :], trial]
    figure = graph.Figure()
    for trial in trials:
        curve = sorted(trial.intermediate_values(metric).items())
        figure.add_scatter(
            x=[step for step, _ in curve],
            y=[value for _, value in curve],
            mode="lines+markers",
            name=f"trial {trial.number}",
            opacity=1.0 if trial.state == "complete" else 0.4,
            hovertext=_told(trial),
        )
    return _titled(figure, study, "step", metric)


def pareto_front(study: "Study", x: str | None = None, y: str | None = None) -> Any:
    """Trials by two objectives, those on the front of all objectives apart."""
    graph = _plotly()
    if len(study.metrics) < 2:
        raise HoneError(f"study `{study.name}` has one objective; `hone.plots.history` shows its values")
    (x, _), (y, _) = _objective(study, x or study.metrics[0]), _objective(study, y or study.metrics[1])
    front = {trial.number for trial in study.best_trials}
    figure = graph.Figure()
    for name, opacity, chosen in (("others", 0.4, False), ("front", 1.0, True)):
        trials = [trial for trial in _complete(study) if (trial.number in front) is chosen]
        figure.add_scatter(
            x=[trial.values[x] for trial in trials],
            y=[trial.values[y] for trial in trials],
            mode="markers",
            opacity=opacity,
            name=name,
            text=[_told(trial) for trial in trials],
        )
    return _titled(figure, study, x, y)


# ---------------------------------------------------------------- what they share


def _plotly() -> Any:
    try:
        import plotly.graph_objects as graph
    except ImportError:
        raise HoneError("figures need plotly; install it with `pip install 'hone[notebook]'`") from None
    return graph


def _subplots() -> Any:
    _plotly()
    from plotly.subplots import make_subplots

    return make_subplots


def _objective(study: "Study", metric: str | None) -> tuple[str, str]:
    """A metric and its direction; the only one, unless it is named."""
    directions = dict(zip(study.metrics, study.directions, strict=True))
    if metric is None and len(directions) > 1:
        raise HoneError(f"study `{study.name}` has several objectives; name one of {', '.join(directions)}")
    metric = metric or study.metrics[0]
    if metric not in directions:
        raise HoneError(f"`{metric}` is no objective of study `{study.name}`; it has {', '.join(directions)}")
    return metric, directions[metric]


def _complete(study: "Study") -> "list[TrialRecord]":
    return [trial for trial in study.trials if trial.state == "complete"]


def _params(study: "Study", wanted: Sequence[str] | None) -> list[str]:
    """The parameters of the trials, or those that are wanted of them."""
    known = list(dict.fromkeys(name for trial in _complete(study) for name in trial.params))
    for name in wanted or ():
        if name not in known:
            there = ", ".join(f"`{it}`" for it in known) or "none at all"
            raise HoneError(f"no complete trial of study `{study.name}` has a parameter `{name}`; they have {there}")
    return list(wanted) if wanted is not None else known


def _scale(study: "Study", name: str) -> str:
    """How an axis is divided: as the space says, and by options where the values are no numbers."""
    values = [trial.params[name] for trial in _complete(study) if name in trial.params]
    if not all(isinstance(it, (int, float)) and not isinstance(it, bool) for it in values):
        return "category"
    return "log" if _is_log(study.info.spec, name) else "linear"


def _is_log(spec: dict[str, Any], name: str) -> bool:
    """Looks a parameter up in the resolved study."""
    for parameter in spec["space"]["parameters"]:
        if parameter["name"] == name:
            return any(it.get("log", False) for it in parameter["distribution"].values())
    return False


def _axis(study: "Study", name: str, values: list[Any]) -> dict[str, Any]:
    """An axis of parallel coordinates: logarithms and options become numbers with names."""
    scale = _scale(study, name)
    if scale == "linear":
        return {"label": _plain(name), "values": values}
    if scale == "log":
        powers = [math.log10(value) for value in values]
        ticks = list(range(math.floor(min(powers, default=0)), math.ceil(max(powers, default=0)) + 1))
        return {"label": _plain(name), "values": powers, "tickvals": ticks, "ticktext": [f"1e{it}" for it in ticks]}
    options = sorted({str(value) for value in values})
    places = [options.index(str(value)) for value in values]
    return {
        "label": _plain(name), "values": places, "tickvals": list(range(len(options))),
        "ticktext": [_plain(it) for it in options],
    }  # fmt: skip


class _Axis:
    """One side of a contour: places from 0 to 1, on the parameter's own scale."""

    def __init__(self, values: Sequence[float], scale: str) -> None:
        self.scale = scale
        self._low, self._high = (self._inner(it) for it in (min(values), max(values)))

    def place(self, value: float) -> float:
        return (self._inner(value) - self._low) / ((self._high - self._low) or 1.0)

    def value(self, place: float) -> float:
        inner = self._low + place * (self._high - self._low)
        return 10.0**inner if self.scale == "log" else inner

    def _inner(self, value: float) -> float:
        return math.log10(value) if self.scale == "log" else float(value)


def _grid() -> list[float]:
    return [index / (_CELLS - 1) for index in range(_CELLS)]


def _weighted(points: Sequence[tuple[float, float, float]], x: float, y: float) -> float:
    """Inverse distances as weights (Shepard, 1968)."""
    weights = [1.0 / ((px - x) ** 2 + (py - y) ** 2 + 1e-6) for px, py, _ in points]
    return sum(weight * value for weight, (_, _, value) in zip(weights, points, strict=True)) / sum(weights)


def _are_numbers(trial: "TrialRecord", *names: str) -> bool:
    values = [trial.params.get(name) for name in names]
    return all(isinstance(it, (int, float)) and not isinstance(it, bool) for it in values)


def _told(trial: "TrialRecord") -> str:
    """What is shown where the pointer is."""
    return _plain(f"trial {trial.number}: " + ", ".join(f"{name}={value}" for name, value in trial.params.items()))


def _titled(figure: Any, study: "Study", x: str, y: str) -> Any:
    return figure.update_layout(
        title=_plain(study.name), xaxis_title=_plain(x), yaxis_title=_plain(y), template="plotly_white"
    )


def _plain(text: str) -> str:
    """Plotly reads tags in its texts; a name has none."""
    return text.replace("&", "&amp;").replace("<", "&lt;")
