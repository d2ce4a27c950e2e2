"""Predictions in an owner's space: texts, files, explanations, downloads, and that nobody else's are reached."""

from __future__ import annotations

import csv
import json
import os
import shutil
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from sft_keras.artifacts.bundle import GRAPH, read_bundle
from sft_keras.data.drawn import drawn_rows
from sft_keras.errors import ArtifactError, ConfigError, DataError, SftError
from sft_keras.inference.neighbours import Neighbours
from sft_keras.inference.pool import Opened, open_predictor
from sft_keras.runs.worker import RunResult
from sft_keras.services import Services, Space
from sft_keras.services.space import predictions
from sft_keras.services.space.base import new_key
from sft_keras.services.wording import told
from sft_keras.settings import Settings
from tests.conftest import sentences, write_csv

RUN = "a" * 32
TEXTS = [text for text, _ in sentences(5, seed=4)]


@pytest.fixture
def space(lstm_run: RunResult, tmp_path: Path) -> Space:
    """An owner with one finished run."""
    installation = Services(Settings(data_dir=tmp_path / "data"))
    mine = installation.space(new_key())
    shutil.copytree(lstm_run.run.path, mine.folder / "runs" / RUN)
    about = {"name": "电影 reviews/2 <b>"}
    (mine.folder / "runs" / RUN / "about.json").write_text(json.dumps(about), encoding="utf-8")
    return mine


@pytest.fixture(autouse=True)
def put_out(space: Space):  # type: ignore[no-untyped-def] - a generator fixture
    """Ends the threads of the models."""
    yield
    space.installation.pool.close()


def rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def test_texts(space: Space, services: Services, lstm_run: RunResult) -> None:
    found = space.predict(RUN, [*TEXTS, ""])
    expected = services.load(lstm_run.run.bundle).predict([*TEXTS, ""])
    assert [each.label for each in found] == [each.label for each in expected]
    assert found[0].probabilities == pytest.approx(expected[0].probabilities, abs=1e-5)
    assert found[-1].label == ""
    assert space.predict(RUN, []) == []


def test_an_explanation_is_the_text_in_pieces(space: Space) -> None:
    text = "the film was superb, really!"
    pieces = space.explain(RUN, text)
    assert "".join(piece.text for piece in pieces) == text
    assert max(pieces, key=lambda piece: abs(piece.weight)).text == "superb"


def test_what_is_wrong_with_training_rows_is_told_without_a_place_and_with_what_helps(space: Space) -> None:
    run = space.folder / "runs" / RUN
    (run / "data" / "train.parquet").write_bytes(b"rubbish")

    def neighbours(_bundle: Path, file: Path, *_args: object, **_options: object) -> Neighbours:
        drawn_rows(file, most=1, seed=0, most_characters=1)
        raise AssertionError

    def explain(bundle: Path, *_args: object) -> None:
        raise ArtifactError("The model did not answer within 180 s.", where=str(bundle), fix="Try again.")

    space.installation.__dict__["explainer"] = SimpleNamespace(neighbours=neighbours, explain=explain)
    with pytest.raises(SftError) as damaged:
        space.similar_examples(RUN, "a")
    with pytest.raises(SftError) as late:
        space.explain_exactly(RUN, "a")
    for error in (damaged.value, late.value):
        assert RUN not in str(vars(error))
        assert str(space.folder) not in str(vars(error))
    chinese = told(damaged.value, "zh")
    assert (chinese.problem, chinese.fix) == ("保存的数据缺失或已损坏。", "请再训练一次。")


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl"])
def test_a_file(space: Space, tmp_path: Path, ending: str) -> None:
    source = write_csv(tmp_path / "upload.tmp", [(text, "x", "=1+1", "-5") for text in TEXTS], ("text", "l", "@f", "n"))
    steps: list[tuple[int, int]] = []
    result = space.predict_file(
        RUN, source, "评论 1.csv", ending=ending, progress=lambda done, total: steps.append((done, total))
    )
    path, name = space.result_file(result)
    assert name == f"评论-1-predictions{ending}"
    assert steps[0] == (0, 5)
    assert steps[-1] == (5, 5)
    expected = [each.label for each in space.predict(RUN, TEXTS)]
    if ending == ".jsonl":
        found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        assert [row["prediction"] for row in found] == expected
        assert found[0]["@f"] == "=1+1"
        return
    with path.open(encoding="utf-8-sig", newline="") as file:
        header, *table = csv.reader(file, delimiter="," if ending == ".csv" else "\t")
    assert header == ["text", "l", "'@f", "n", "prediction", "confidence", "probability_bad", "probability_good"]
    assert [row[4] for row in table] == expected
    assert {(row[2], row[3]) for row in table} == {("'=1+1", "-5")}
    assert path.is_relative_to(space.folder / "predictions")


def test_a_file_gets_decisions_once_costs_of_mistakes_are_kept(space: Space, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "a.csv", [(text, "") for text in TEXTS], ("text", "c"))
    without = space.predict_file(RUN, source, "a.csv", text_column="text")
    assert not space.result_decided(without)
    assert "decision" not in rows(space.result_file(without)[0])[0]
    space.decision_costs(RUN, [[0, 1], [1, 0]], 0.0)  # a person who costs nothing is asked about everything
    told_by = space.predict_file(RUN, source, "a.csv", text_column="text", person="（人工判断）")
    assert space.result_decided(told_by)
    header, *table = rows(space.result_file(told_by)[0])
    assert header[-1] == "decision"
    assert {row[-1] for row in table} == {"（人工判断）"}
    space.decision_costs(RUN, [[0, 1e6], [0, 0]], None)  # only a false "good" costs anything
    cautious = space.predict_file(RUN, source, "a.csv", text_column="text")
    header, *table = rows(space.result_file(cautious)[0])
    assert {row[-1] for row in table} == {"bad"}


def test_what_is_kept_of_costs_is_said_by_the_model_and_not_by_its_8_bit_copy(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def opened(folder: Path, *, eight_bit: bool = False) -> Opened:
        asked.append(eight_bit)
        return open_predictor(folder)

    monkeypatch.setattr("sft_keras.inference.pool.open_predictor", opened)
    quick = Services(replace(space.settings, int8=True))
    mine = quick.space(new_key())
    shutil.copytree(space.folder / "runs" / RUN, mine.folder / "runs" / RUN)
    try:
        mine.predict(RUN, TEXTS[:1])
        mine.decision_costs(RUN, [[0, 1], [1, 0]], None)
    finally:
        quick.pool.close()
    assert asked == [True, False]


def test_a_file_of_another_kind_is_told_and_one_of_the_same_kind_is_not(space: Space, tmp_path: Path) -> None:
    alike = write_csv(tmp_path / "alike.csv", [(text, "") for text, _ in sentences(60, seed=5)], ("text", "c"))
    assert space.result_drift(space.predict_file(RUN, alike, "a.csv", text_column="text")) == ""
    other = write_csv(tmp_path / "other.csv", [(f"ship{i} port{i} " * 20, "") for i in range(60)], ("text", "c"))
    result = space.predict_file(RUN, other, "b.csv", text_column="text")
    assert "never occurred in training" in space.result_drift(result)
    assert "从未" in space.result_drift(result, "zh")
    about = space.result_file(result)[0].parent / "result.json"
    about.write_text(about.read_text(encoding="utf-8").replace('"changes"', '"chances"'), encoding="utf-8")
    assert space.result_drift(result) == ""


@pytest.mark.parametrize("cell", ["=1", "+cmd|x", "-1+1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_of_a_result_is_a_formula(space: Space, tmp_path: Path, cell: str) -> None:
    source = write_csv(
        tmp_path / "a.csv", [("great film of the year", "before" + cell), ("so sad", cell)], ("text", "c")
    )
    path, _ = space.result_file(space.predict_file(RUN, source, "a.csv", text_column="text"))
    assert not any(value.startswith(("=", "+", "-", "@", "\t", "\r")) for row in rows(path)[1:] for value in row)


@pytest.mark.parametrize(
    ("content", "name", "told"),
    [
        (b"", "empty.csv", "empty"),
        (b"\x00\x01\x02\xff" * 50, "x.csv", ""),
        (b"a,b\n1,2\n", "../../evil.csv", ""),
        (b"PK\x03\x04rubbish", "x.xlsx", ""),
    ],
)
def test_a_bad_file_is_told_by_its_name_and_leaves_nothing(
    space: Space, tmp_path: Path, content: bytes, name: str, told: str
) -> None:
    source = tmp_path / "secret-place"
    source.write_bytes(content)
    with pytest.raises(SftError) as caught:
        space.predict_file(RUN, source, name, text_column="nothing")
    message = str(caught.value)
    assert told in message
    assert str(tmp_path) not in message
    assert "/tmp" not in message  # noqa: S108 - it is looked for, not used
    assert name.rsplit("/", 1)[-1] in message
    folder = space.folder / "predictions"
    assert not folder.exists() or not list(folder.iterdir())


def test_a_wrong_ending_or_no_file(space: Space, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be written"):
        space.predict_file(RUN, tmp_path / "a.csv", "a.csv", ending=".xlsx")
    with pytest.raises(DataError, match="not there any more"):
        space.predict_file(RUN, tmp_path / "a.csv", "a.csv")


def test_old_results_go(space: Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictions, "MOST_RESULTS", 2)
    source = write_csv(tmp_path / "a.csv", [(text, "x") for text in TEXTS])
    results = [space.predict_file(RUN, source, "a.csv") for _ in range(3)]
    assert space.result_file(results[2])[0].is_file()
    with pytest.raises(ArtifactError, match="no such prediction"):
        space.result_file(results[0])


def test_a_file_whose_prediction_fails_leaves_nothing(
    space: Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_csv(tmp_path / "a.csv", [(text, "x") for text in TEXTS])

    def full(_done: int, total: int) -> None:
        if _done == total:
            raise OSError(28, "No space left on device")

    with pytest.raises(SftError, match="No space left"):
        space.predict_file(RUN, source, "a.csv", progress=full)
    assert not list((space.folder / "predictions").iterdir())


def test_the_bundle_as_a_zip_is_made_once_and_anew_when_it_changed(
    space: Space, services: Services, tmp_path: Path
) -> None:
    path, name = space.bundle_zip(RUN)
    assert name == "电影-reviews-2-b.zip"
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path / "out")
    unpacked = tmp_path / "out" / "电影-reviews-2-b"
    assert read_bundle(unpacked).has_graph
    assert services.load(unpacked).predict(TEXTS[:1])[0].label
    stamp = path.stat().st_mtime_ns
    assert space.bundle_zip(RUN)[0].stat().st_mtime_ns == stamp
    manifest = space.folder / "runs" / RUN / "bundle" / "manifest.json"
    manifest.write_text(manifest.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    again, _ = space.bundle_zip(RUN)
    assert again != path
    assert not path.exists()
    (manifest.parent / "labels.json").write_text("[]", encoding="utf-8")
    manifest.write_text(manifest.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    with pytest.raises(ArtifactError, match="was changed"):
        space.bundle_zip(RUN)
    assert again.exists()


def test_the_graph_or_why_there_is_none(space: Space) -> None:
    path, name = space.onnx_file(RUN)
    assert (path.name, name) == (GRAPH, "电影-reviews-2-b.onnx")
    manifest = path.parent / "manifest.json"
    content = json.loads(manifest.read_text(encoding="utf-8"))
    del content["files"][GRAPH]
    content["exports"]["onnx"] = {"reason": "it was a bad day."}
    manifest.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ArtifactError, match=r"no ONNX file: it was a bad day\.\n"):
        space.onnx_file(RUN)


Use = Callable[[Space, str], object]


@pytest.mark.parametrize(
    "use",
    [
        lambda space, run: space.predict(run, ["x"]),
        lambda space, run: space.explain(run, "x"),
        lambda space, run: space.predict_file(run, Path("a.csv"), "a.csv"),
        lambda space, run: space.bundle_zip(run),
        lambda space, run: space.onnx_file(run),
        lambda space, run: space.result_file(run),
    ],
)
def test_nobody_reaches_what_is_not_theirs(space: Space, use: Use) -> None:
    other = Space(space.installation, new_key())
    for run in (RUN, "../" + RUN, "", ".", f"../../{space.owner_id}/runs/{RUN}"):
        with pytest.raises(ArtifactError, match="There is no such"):
            use(other, run)


def test_a_run_without_a_model(space: Space) -> None:
    shutil.rmtree(space.folder / "runs" / RUN / "bundle")
    with pytest.raises(ArtifactError, match="no model yet"):
        space.predict(RUN, ["x"])


def test_results_go_after_a_day_and_with_their_run(space: Space, tmp_path: Path) -> None:
    table = write_csv(tmp_path / "texts.csv", [(text, "x") for text in TEXTS])
    first = space.predict_file(RUN, table, "texts.csv")
    place = space.folder / "predictions" / first
    os.utime(place, (time.time() - 25 * 3600,) * 2)
    second = space.predict_file(RUN, table, "texts.csv")
    assert not place.exists()
    space.delete(RUN)
    assert not (space.folder / "predictions" / second).exists()


def test_results_count_for_the_space_of_their_owner(space: Space, tmp_path: Path) -> None:
    table = write_csv(tmp_path / "texts.csv", [(text, "x") for text in TEXTS])
    space.settings = replace(space.settings, max_owner_mib=0)
    with pytest.raises(ConfigError, match="limit"):
        space.predict_file(RUN, table, "texts.csv")
