"""Pieces of pages: what people wrote stays text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest

from sft_keras.runs.log_wording import log_line
from sft_keras.services.space.datasets import DatasetInfo, DatasetView, FoundView, LengthBins
from sft_keras.services.space.runs import Estimate, RunView
from sft_keras.ui.components import dataset as pieces
from sft_keras.ui.components.charts import class_bars, histogram
from sft_keras.ui.components.html import escaped, progress, table, tag
from sft_keras.ui.components.run import cost, log, recipe_cards, run_list, run_panel
from sft_keras.ui.components.words import ago, duration
from sft_keras.ui.texts import catalogue

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u202e"
EN = catalogue("en")


class Tags(HTMLParser):
    """Collects the names of the elements and of the attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found |= {name, *(key for key, _ in attributes)}


def view(severity: str = "warning", fixable: bool = True) -> DatasetView:
    info = DatasetInfo("d" * 32, EVIL, "2026-01-01T00:00:00+00:00", "upload", fixes=("missing_text",), validation=EVIL)
    found = FoundView("label_spelling", severity, EVIL, EVIL, (1, 2), "test", fixable)
    lengths = LengthBins("tokens", (0.0, 200.0, 400.0), (3, 1), 1, 256)
    return DatasetView(
        info=info, columns=(EVIL,), text_column=EVIL, label_column="label", reasons=(EVIL,), notes=(EVIL,),
        header=(EVIL, "label"), preview=((EVIL, EVIL),), rows=4, usable_rows=3, class_counts={EVIL: 2, "b": 1},
        lengths=lengths, findings=(found,), ok=False,
    )  # fmt: skip


def run(state: str, **more: object) -> RunView:
    return RunView("r" * 32, EVIL, state, "", dataset=EVIL, backbone=EVIL, recipe=EVIL, message=EVIL, **more)


@pytest.mark.parametrize(
    "made",
    [
        escaped(EVIL),
        tag("p", EVIL, title=EVIL),
        table([EVIL], [[EVIL]], caption=EVIL, marked={0: EVIL}),
        class_bars({EVIL: 3}, caption=EVIL, label=EVIL, rows=EVIL, more=EVIL),
        histogram([0, 1, 2], [1, 2], caption=EVIL, summary=EVIL, limit=1, limit_label=EVIL),
        pieces.dataset_list([view().info], "", view().info.id, EN),
        pieces.summary(view(), EN),
        pieces.preview(view(), EN),
        pieces.charts(view(), EN),
        pieces.findings(view(), EN),
        *(run_panel(run(state), EN) for state in ("queued", "running", "finished", "failed", "unreadable")),
        run_list([run("failed")], "r" * 32, "", EN),
        recipe_cards([EVIL], EVIL, EVIL, {}, EN),
        log([EVIL], EN),
    ],
)
def test_what_people_wrote_stays_text(made: str) -> None:
    tags = Tags()
    tags.feed(made)
    assert not tags.found & {"script", "img", "onerror"}
    assert "\u202e" not in made


def test_a_fix_is_offered_once_and_can_be_undone() -> None:
    made = pieces.findings(view(), EN)
    assert 'data-action="fix" data-value="label_spelling"' in made
    assert 'data-action="undo" data-value="missing_text"' in made
    assert 'data-action="fix"' not in pieces.findings(view(fixable=False), EN)


def test_progress_tells_its_share_only_if_known() -> None:
    assert 'aria-valuenow="25"' in progress(0.25, "Training")
    assert "aria-valuenow" not in progress(None, "Loading")
    assert 'aria-valuenow="100"' in progress(1.7, "Training")


def test_what_is_beyond_the_limit_is_marked() -> None:
    made = histogram([0, 100, 200, 300], [5, 2, 1], caption="", summary="", limit=200, limit_label="cut")
    assert made.count("s-beyond") == 1
    assert "left:66.7%" in made


def test_too_many_labels_are_counted_and_not_drawn() -> None:
    counts = {f"label {i}": i + 1 for i in range(1000)}
    made = class_bars(counts, caption="", label="", rows="", more="and 976 more labels")
    assert made.count("<tr>") == 24
    assert "and 976 more labels" in made


@pytest.mark.parametrize(
    ("estimate", "told"),
    [
        (None, "Not measured yet"),
        (Estimate(None, None, True), "Measuring on this machine …"),
        (Estimate(None, None, False), "Not measured yet"),
        (Estimate(240, 812.0, False), "About 4 min, 810 MB"),
        (Estimate(7300, 2048.0, False), "About 2 h 2 min, 2.0 GB"),
        (Estimate(50, None, False), "About 50 s"),
    ],
)
def test_what_a_training_costs(estimate: Estimate | None, told: str) -> None:
    assert cost(estimate, EN) == told


def test_the_log_names_no_folder_of_the_machine() -> None:
    made = log(["2026-11-22T22:37:27+00:00 Backbone: minilm (/srv/app/model). Rows: 3 (of 4)."], EN)
    assert "22:37:27" in made
    assert "/srv" not in made
    assert "(of 4)" in made
    assert "/srv" not in log([log_line("2026-11-22T22:37:27+00:00 Backbone: minilm (/srv/app/model).", "zh")], EN)


def test_a_score_has_the_baseline_beside_it() -> None:
    summary = {"accuracy": 0.85, "macro_f1": 0.829, "baseline_accuracy": 0.767, "baseline_macro_f1": 0.713}
    made = run_panel(run("finished", summary=summary), EN)
    assert [made.count(f"TF-IDF + logistic regression: {share}") for share in ("76.7%", "71.3%")] == [1, 1]
    without = run_panel(run("finished", summary={"accuracy": 0.85}), EN)
    assert "85.0%" in without
    assert "TF-IDF" not in without


def test_a_stopping_run_says_so() -> None:
    assert EN("train.stopping") in run_panel(run("running", stopping=True), EN)
    assert EN("train.stopping") not in run_panel(run("running"), EN)


def test_times_in_words() -> None:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    told = [ago((now - timedelta(**{unit: 5})).isoformat(), EN, now=now) for unit in ("seconds", "minutes", "hours")]
    assert told == ["just now", "5 min ago", "5 h ago"]
    assert ago("never", EN) == ""
    assert [duration(s, EN) for s in (0, 89, 100, 36_100)] == ["1 s", "89 s", "2 min", "10 h 0 min"]


def test_why_a_training_failed_is_told_in_the_language_of_the_page() -> None:
    problem = "The run could not write or read its files: No space left on device"
    run = RunView("r" * 32, "demo", "failed", "", message=problem)
    assert "这次训练无法读写文件：磁盘空间不足" in run_panel(run, catalogue("zh"))
    assert problem in run_panel(run, EN)
