"""Every part: its sentences, its facts as JSON, and that none takes the others with it."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from sft_keras.diagnostics.base import PARTS, NotApplicable, ordered_parts
from sft_keras.diagnostics.blocks import Column, Meter, Picture, Sentence, Table, Words
from sft_keras.diagnostics.catalogue import catalogue
from sft_keras.diagnostics.render import render
from sft_keras.errors import ArtifactError, ConfigError
from sft_keras.runs.diagnosed import LOCK, blocks_of, folder_of, is_under_way, read_all, show
from sft_keras.runs.diagnosis import diagnose


@pytest.fixture(scope="module")
def examined(lstm_run, tmp_path_factory):
    """A finished run, and what all parts say of it."""
    import shutil

    from sft_keras.runs.directory import RunDirectory

    folder = tmp_path_factory.mktemp("examined") / "run"
    shutil.copytree(lstm_run.run.path, folder)
    run = RunDirectory(folder)
    return run, diagnose(run, None)


@pytest.mark.parametrize("language", catalogue.languages)
def test_every_language_has_the_same_sentences_with_the_same_places(language):
    english, other = catalogue("en").sentences, catalogue(language).sentences

    def places(sentence):
        return sorted(re.findall(r"\{(\w+)\}", sentence))

    assert set(other) == set(english)
    assert {key: places(text) for key, text in other.items()} == {key: places(text) for key, text in english.items()}


@pytest.mark.parametrize("name", PARTS.names())
def test_every_part_has_a_title_and_says_what_it_is_good_for(name):
    for language in catalogue.languages:
        assert {f"{name}.title", f"{name}.what"} <= set(catalogue(language).sentences)


@pytest.mark.parametrize("name", PARTS.names())
def test_every_part_says_something_of_a_small_run_in_every_language(examined, name):
    _, found = examined
    each = next(each for each in found if each.part == name)
    assert each.state in ("ready", "skipped"), each.reason
    json.dumps(each.facts, allow_nan=False)
    for language in catalogue.languages:
        blocks = blocks_of(each, catalogue(language))
        assert blocks
        for block in blocks:
            if isinstance(block, Table):
                assert all(len(row) == len(block.columns) for row in block.rows)
        title, what, content = show(each, language)
        assert all((title, what, content))


def test_what_was_examined_is_read_again_and_not_computed_again(examined):
    run, found = examined
    assert [(each.part, each.state, each.facts) for each in read_all(run)] == [
        (each.part, each.state, each.facts) for each in found
    ]
    before = {file.name: file.stat().st_mtime_ns for file in folder_of(run).iterdir()}
    diagnose(run, None)
    assert {file.name: file.stat().st_mtime_ns for file in folder_of(run).iterdir()} == before


def test_a_part_that_fails_leaves_the_others(copied_run, monkeypatch):
    from dataclasses import replace

    broken = replace(PARTS.get("ladder"), examine=_broken)
    skipped = replace(broken, order=99, examine=_not_applicable)
    monkeypatch.setattr("sft_keras.runs.diagnosis.ordered_parts", lambda: [("ladder", broken), ("other", skipped)])
    diagnose(copied_run, None)
    kept = json.loads((folder_of(copied_run) / "ladder.json").read_text(encoding="utf-8"))
    assert kept["state"] == "failed"
    assert json.loads((folder_of(copied_run) / "other.json").read_text(encoding="utf-8"))["state"] == "skipped"
    assert "ZeroDivisionError" in (copied_run.path / "log.txt").read_text(encoding="utf-8")
    found = next(each for each in read_all(copied_run) if each.part == "ladder")
    assert "ZeroDivisionError" not in show(found, "en")[2]


def _broken(subject):
    return 1 / 0


def _not_applicable(subject):
    raise NotApplicable("common.no_test")


def test_stopping_keeps_what_is_ready(copied_run):
    found = diagnose(copied_run, None, should_stop=lambda: True)
    assert {each.state for each in found} == {"waiting"}
    assert not is_under_way(copied_run)


def test_damaged_facts_count_as_not_examined(copied_run):
    folder_of(copied_run).mkdir()
    for content in ("{", "[]", '{"format_version": 99, "state": "ready"}', '{"format_version": 1, "state": "odd"}'):
        (folder_of(copied_run) / "ladder.json").write_text(content, encoding="utf-8")
        assert next(each for each in read_all(copied_run) if each.part == "ladder").state == "waiting"
    (folder_of(copied_run) / "ladder.json").write_text(
        '{"format_version": 1, "state": "ready", "facts": {"rungs": 3}}', encoding="utf-8"
    )
    assert "ours, not yours" in show(next(e for e in read_all(copied_run) if e.part == "ladder"), "en")[2]


def test_two_do_not_examine_one_run(copied_run):
    from filelock import FileLock

    with FileLock(copied_run.path / LOCK):
        assert is_under_way(copied_run)
        with pytest.raises(ArtifactError, match="being examined"):
            diagnose(copied_run, None)
    assert not is_under_way(copied_run)


def test_an_unknown_part_is_named(copied_run):
    with pytest.raises(ConfigError, match="lader"):
        diagnose(copied_run, None, parts=["lader"])


def test_blocks_escape_what_people_wrote_and_leave_out_private_texts():
    evil = "<script>alert(1)</script>"
    blocks = [
        Sentence(evil),
        Table([Column(evil, "label"), Column("n", "meter")], [(evil, Meter(0.5, evil))] * 12, title=evil),
        Table([Column("text")], [("secret text",)], private=True),
        Words(evil, [(evil, 0.5)]),
        Picture("<svg><path id='a'/></svg>", evil, [("deep", evil)]),
    ]
    page = render(blocks, catalogue("en"), title=evil, ids="x-", private=False)
    assert "<script>" not in page
    assert "secret text" not in page
    assert "secret text" in render(blocks, catalogue("en"), title="t", ids="x-")


def test_reading_and_showing_needs_no_keras():
    code = (
        "import sys; from sft_keras.diagnostics.base import ordered_parts; ordered_parts();"
        "import sft_keras.runs.diagnosed; assert not {'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_parts_have_an_order():
    assert len({part.order for _, part in ordered_parts()}) == len(ordered_parts())


def test_the_report_has_what_is_ready_and_no_texts_unless_asked_for(examined):
    from sft_keras.runs.reports import report_page

    run, found = examined
    plain, private = (report_page(run.path, language="en", texts=texts) for texts in (False, True))
    for language in catalogue.languages:
        assert catalogue(language)("ladder.title") in plain
    assert len(private) > len(plain)
    words = [
        word for each in found if each.part == "class_words" for c in each.facts["classes"] for word, _ in c["words"]
    ]
    assert words
    assert not any(f">{word}</span>" in plain for word in words)
    assert all(f">{word}</span>" in private for word in words)
