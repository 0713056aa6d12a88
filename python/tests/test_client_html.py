"""What notebooks show is escaped."""

from hone._params import Params
from hone.client import Explanation, Finding, StudyRecord, TrialRecord, Trials

EVIL = "<script>alert('&')</script>"
ESCAPED = "&lt;script&gt;alert(&#x27;&amp;&#x27;)&lt;/script&gt;"


def trial(number: int) -> TrialRecord:
    return TrialRecord(
        id=number, number=number, state="complete", params=Params({EVIL: EVIL}), values={EVIL: 0.123456789},
        metrics={EVIL: 1.0}, created=None, started=None, ended=None, origin=EVIL, why=EVIL, end=EVIL, attempts=1,
        tags=(EVIL,), note=EVIL, violation=0.0, last_step=None, curve=(), outputs=(),
    )  # fmt: skip


def test_every_text_is_escaped() -> None:
    counts = {"complete": 1, "failed": 0, "counted": 1}
    study = StudyRecord(1, EVIL, EVIL, EVIL, EVIL, ((EVIL, EVIL),), counts, 9, None, EVIL, "{}", trial(0))
    found = Explanation(EVIL, 1, (Finding(EVIL, 0.5, False, 1, EVIL),), (), (EVIL,), (EVIL,), (), None)
    for shown in (study, trial(0), Trials([trial(0)]), found):
        html = shown._repr_html_()
        assert ESCAPED in html
        assert "<script" not in html


def test_a_study_says_how_far_it_is() -> None:
    counts = {"complete": 3, "failed": 1, "pruned": 0, "counted": 4}
    study = StudyRecord(1, "s", "", "active", "", (("loss", "minimize"),), counts, 9, None, "clients", "{}", None)
    assert "<td>4 of 9: 3 complete, 1 failed</td>" in study._repr_html_()
    assert "best trial" not in study._repr_html_()


def test_a_long_table_shows_its_ends() -> None:
    html = Trials(trial(number) for number in range(1000))._repr_html_()
    assert html.count("<tr>") == 61
    assert "1000 trials, 940 in the middle left out" in html
    assert "<td>0.123457</td>" in html
