"""A person looks at labels, decides, takes back, and trains again; another sees nothing of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sft_keras.data.corrections import correction_key, text_key
from sft_keras.errors import ArtifactError, ConfigError, DataError, SftError
from sft_keras.runs import queue
from sft_keras.runs.directory import RunDirectory
from sft_keras.runs.prepare import load_splits
from sft_keras.runs.request import prepare_requested
from sft_keras.services import Services, Space
from sft_keras.services.space.base import new_key
from sft_keras.services.space.corrections import SuspectView
from sft_keras.settings import Settings
from sft_keras.training.progress import Silent
from sft_keras.ui.components.labels import review_list, review_sum
from sft_keras.ui.tabs.evaluate_labels import decide
from sft_keras.ui.texts import catalogue
from tests.conftest import TINY, merged, write_csv
from tests.conftest import sentences as made_sentences

LSTM = merged(TINY, {"model": {"backbone": "lstm"}})
EVIL = "<script>alert(1)</script>"
ROWS = [(f"{text} {EVIL}" if i == 4 else text, label) for i, (text, label) in enumerate(made_sentences(120))]


@pytest.fixture(autouse=True)
def no_consumer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "ensure_consumer", lambda _: None)


@pytest.fixture
def space(tmp_path: Path) -> Space:
    return Services(Settings(data_dir=tmp_path / "data")).space(new_key())


@pytest.fixture
def run(space: Space, tmp_path: Path) -> str:
    """A run whose rows are divided, with a list of suspects: the first 25 training rows."""
    dataset = space.add_upload(write_csv(tmp_path / "d.csv", ROWS), "d.csv").id
    run = space.submit(dataset, LSTM)
    folder = prepared(space, run)
    (folder.bundle).mkdir()
    (folder.bundle / "labels.json").write_text('["bad", "good"]', encoding="utf-8")
    list_suspects(folder)
    return run


def prepared(space: Space, run: str) -> RunDirectory:
    folder = RunDirectory(space.folder / "runs" / run)
    prepare_requested(folder, space.settings, Silent())
    return folder


def list_suspects(folder: RunDirectory) -> None:
    train = load_splits(folder).train
    listed = [
        {
            "key": correction_key(text, label),
            "text_key": text_key(text),
            "part": "train",
            "row": int(row),
            "text": text,
            "label": label,
            "suggested": "good" if label == "bad" else "bad",
            "suspicion": 0.9,
        }
        for text, label, row in list(zip(train.texts, train.labels, train.rows, strict=True))[:25]
    ]
    place = folder.data / "diagnostics"
    place.mkdir(exist_ok=True)
    content = {"format_version": 1, "state": "ready", "facts": {"listed": listed}}
    (place / "suspicious_labels.json").write_text(json.dumps(content), encoding="utf-8")


def test_decisions_are_kept_with_the_dataset_and_taken_back(space, run):
    first, second, third, *_ = space.review(run).rows
    decide(space, run, "take", first.key)
    decide(space, run, "drop", second.key)
    decide(space, run, "keep", third.key)
    view = space.review(run)
    assert [row.decision for row in view.rows[:4]] == ["relabel", "drop", "keep", None]
    assert view.rows[0].new_label == first.suggested
    assert (view.relabelled, view.dropped, view.kept, view.changed) == (1, 1, 1, 2)
    decide(space, run, "undo", first.key)
    assert space.review(run).rows[0].decision is None
    assert space.review(run).changed == 1


def test_training_again_changes_these_rows_and_never_the_test_part(space, run):
    first, second, *_ = space.review(run).rows
    space.decide(run, first.key, "relabel", first.suggested)
    space.decide(run, second.key, "drop")
    again = space.train_corrected(run, name="again")
    before, after = load_splits(RunDirectory(space.folder / "runs" / run)), load_splits(prepared(space, again))
    assert after.test.fingerprint() == before.test.fingerprint()
    labels = dict(zip(after.train.texts, after.train.labels, strict=True))
    assert labels[first.text] == first.suggested
    assert second.text not in labels
    assert len(after.train) == len(before.train) - 1
    assert space.settings_of(again)["training"] == space.settings_of(run)["training"]
    assert space.review(again).corrects == run
    assert space.corrected_verdict(again) == ""


def test_what_was_corrected_once_can_be_corrected_again(space, run):
    first = space.review(run).rows[0]
    space.decide(run, first.key, "relabel", first.suggested)
    again = space.train_corrected(run)
    folder = prepared(space, again)
    folder.bundle.mkdir()
    (folder.bundle / "labels.json").write_text('["bad", "good"]', encoding="utf-8")
    list_suspects(folder)
    row = next(each for each in space.review(again).rows if each.text == first.text)
    assert (row.label, row.decision) == (first.suggested, "keep")
    space.decide(again, row.key, "relabel", first.label)
    assert space.review(again).changed == 0
    assert space.review(run).rows[0].decision == "keep"


def test_a_corrected_row_is_corrected_once_more_where_its_correction_was_trained_with(tmp_path):
    """With three labels it can become another one than the first; the review shows it, and takes it back."""
    space = Services(Settings(data_dir=tmp_path / "data", max_queued=9)).space(new_key())
    rows = [(text, "so so" if i % 5 == 0 else label) for i, (text, label) in enumerate(made_sentences(150))]
    dataset = space.add_upload(write_csv(tmp_path / "d.csv", rows), "d.csv").id

    def reviewed(run: str) -> str:
        folder = prepared(space, run)
        folder.bundle.mkdir()
        (folder.bundle / "labels.json").write_text('["bad", "good", "so so"]', encoding="utf-8")
        list_suspects(folder)
        return run

    before = reviewed(space.submit(dataset, LSTM))
    first = next(row for row in space.review(before).rows if row.label == "bad")
    space.decide(before, first.key, "relabel", "good")
    after = reviewed(space.train_corrected(before))

    def row() -> SuspectView:
        return next(each for each in space.review(after).rows if each.text == first.text)

    assert (row().label, row().decision) == ("good", "keep")
    space.decide(after, row().key, "relabel", "so so")
    assert (row().decision, row().new_label) == ("relabel", "so so")
    space.decide(after, row().key, "drop")
    assert row().decision == "drop"
    once_more = load_splits(prepared(space, space.train_corrected(after)))
    assert first.text not in once_more.train.texts
    space.undo(after, row().key)
    assert (row().decision, space.review(after).relabelled) == ("keep", 1)
    space.undo(before, first.key)
    assert row().decision is None
    space.decide(after, row().key, "relabel", "so so")
    again = load_splits(prepared(space, space.train_corrected(after))).train
    assert dict(zip(again.texts, again.labels, strict=True))[first.text] == "so so"


def test_what_cannot_be_decided_is_refused(space, run):
    key = space.review(run).rows[0].key
    with pytest.raises(DataError, match="There is no label"):
        space.decide(run, key, "relabel", "nonsense")
    with pytest.raises(ConfigError, match="kept, relabelled or dropped"):
        space.decide(run, key, "delete")
    with pytest.raises(DataError, match="not in the list"):
        space.decide(run, "0" * 64, "drop")
    with pytest.raises(ConfigError, match="No label was corrected"):
        space.train_corrected(run)
    assert space.review(run).kept == 0


def test_another_owner_sees_nothing(space, run):
    stranger = space.installation.space(new_key())
    for act in (stranger.review, stranger.train_corrected):
        with pytest.raises(ArtifactError, match="There is no such run"):
            act(run)
    with pytest.raises(ArtifactError, match="There is no such run"):
        stranger.decide(run, space.review(run).rows[0].key, "drop")


def test_without_the_dataset_the_list_can_be_read_and_nothing_decided(space, run):
    key = space.review(run).rows[0].key
    space.delete_dataset(space.datasets()[0].id)
    view = space.review(run)
    assert view.rows
    assert not view.usable
    with pytest.raises(ArtifactError, match="was deleted"):
        space.decide(run, key, "drop")


def test_damage_is_told_and_odd_entries_are_left_out(space, run):
    dataset = space.folder / "datasets" / space.datasets()[0].id
    (dataset / "corrections.json").write_text("{", encoding="utf-8")
    with pytest.raises(SftError, match="damaged"):
        space.review(run)
    (dataset / "corrections.json").unlink()
    file = space.folder / "runs" / run / "data" / "diagnostics" / "suspicious_labels.json"
    file.write_text(json.dumps({"format_version": 1, "state": "ready", "facts": {"listed": [1, {"key": 2}]}}))
    assert space.review(run).rows == ()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_list_is_escaped_and_its_pages_follow_each_other(space, run, language):
    say = catalogue(language)
    view = space.review(run)
    pages = [review_list(view, page, say) for page in (0, 1, 2)]
    assert all("<script>" not in page for page in pages)
    assert sum(page.count('data-action="drop"') for page in pages) == 25
    assert review_list(view, 99, say) == pages[2]
    assert 'data-action="train"' not in review_sum(view, say)
    space.decide(run, view.rows[0].key, "drop")
    assert 'data-action="train"' in review_sum(space.review(run), say)
    assert 'data-action="undo"' in review_list(space.review(run), 0, say)
