"""Mistakes that a person can mend: three lines, exit code 2, and nothing changed."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path
from urllib.error import URLError

import pandas as pd
import pytest

from sft_keras.runs.worker import RunResult
from tests.cli.commands import TINY_OPTIONS, Cli, assert_refused
from tests.conftest import sentences, write_csv


def broken_file(name: str) -> Path:
    """A file that cannot be used."""
    path, good = Path(name), write_csv(Path("good.csv"), sentences(60))
    frame = pd.read_csv(good)
    if name == "empty.csv":
        path.write_text("")
    elif name == "header.csv":
        path.write_text("text,label\n")
    elif name == "folder.csv":
        path.mkdir()
    elif name == "binary.csv":
        path.write_bytes(bytes(range(256)) * 20)
    elif name == "cut.csv.gz":
        path.write_bytes(gzip.compress(good.read_bytes())[:300])
    elif name == "one.csv":
        write_csv(path, [(text, "same") for text, _ in sentences(30)])
    elif name == "rare.csv":
        write_csv(path, [*sentences(30), ("a rare text", "rare")])
    elif name in ("cut.parquet", "cut.xlsx"):
        frame.to_parquet("whole.parquet")
        frame.to_excel("whole.xlsx")
        whole = Path(f"whole{path.suffix}").read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
    return path


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("missing.csv", "does not exist"),
        ("empty.csv", "is empty"),
        ("header.csv", "no rows. Received: text, label"),
        ("folder.csv", "A folder was given"),
        ("binary.csv", "binary data"),
        ("cut.csv.gz", "damaged or incomplete"),
        ("cut.parquet", "damaged or incomplete"),
        ("cut.xlsx", "damaged or incomplete"),
        ("one.csv", "two different labels"),
        ("rare.csv", "rare (1)"),
    ],
)
def test_a_file_that_cannot_be_trained_on(sft: Cli, name: str, told: str) -> None:
    path = broken_file(name)
    assert_refused(sft, ["train", "--data", path, "--out", "run", *TINY_OPTIONS], told, f"Where: {path}", "What to do")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--text-column", "txt"], ['no text column "txt"', "label, text"]),
        (["--label-column", "lable"], ['no label column "lable"', 'Did you mean "label"?']),
        (["--set", "training.epocks=2"], ['no setting "training.epocks"', 'Did you mean "epochs"?']),
        (["--set", "trainig.epochs=2"], ['Did you mean "training"?']),
        (["--set", "nonsense"], ["section.key=value"]),
        (["--sup-term", "supcon", "--sup-weight", "-0.1"], ["objective.terms.0.weight", "-0.1"]),
        (["--sup-term", "supcon", "--sup-weight", "much"], ["objective.terms.0.weight", "much"]),
        (["--sup-term", "subcon"], ['Did you mean "supcon"?']),
        (["--sup-weight", "0.1"], ["--sup-term supcon --sup-weight 0.1"]),
        (["--sup-term", "supcon", "--sup-term", "center", "--sup-weight", "0.1"], ["Received: 2 and 1"]),
        (["--class-weights", "blanced"], ["objective.class_weights", "'balanced'"]),
        (["--config", "missing.yaml"], ["does not exist", "missing.yaml"]),
        (["--config", "flat.yaml", "--seed", "1"], ["training"]),
        (["--backbone", "./no-such-folder"], ["no backbone folder"]),
        (["--backbone", "bert_nonsense"], ["bert_tiny_en_uncased", "Here without a network", "lstm"]),
        (["--validation", "missing.csv"], ["does not exist", "missing.csv"]),
    ],
)
def test_a_setting_that_cannot_be_used(sft: Cli, labelled: Path, options: list[str], told: list[str]) -> None:
    Path("flat.yaml").write_text("training: 3\n", encoding="utf-8")
    assert_refused(sft, ["train", "--data", labelled, "--out", "run", *TINY_OPTIONS, *options], *told)


def test_a_setting_that_proves_wrong_after_loading_leaves_no_folder(sft: Cli, labelled: Path) -> None:
    wrong = ["--set", "objective.class_weights={goood: 2}"]
    answer = assert_refused(sft, ["train", "--data", labelled, "--out", "run", *TINY_OPTIONS, *wrong], '"goood"')
    assert answer.events


def test_no_network_says_what_is_here(sft: Cli, labelled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import keras_hub

    def no_network(*_: object, **__: object) -> None:
        raise URLError("Name or service not known")

    monkeypatch.setattr(keras_hub.models.BertTokenizer, "from_preset", no_network)
    arguments = ["train", "--data", labelled, "--out", "run", *TINY_OPTIONS, "--backbone", "bert_tiny_en_uncased"]
    assert_refused(sft, arguments, "Name or service not known", "Here without a network:", "lstm")


@pytest.mark.parametrize("option", ["--bad", "--seed=x"])
def test_wrong_usage(sft: Cli, option: str) -> None:
    answer = sft("train", option)
    assert answer.code == 2
    assert option.partition("=")[0] in answer.err
    assert "Traceback" not in answer.err


def test_an_output_folder_that_exists_stays_as_it_is(sft: Cli, labelled: Path) -> None:
    Path("mine").mkdir()
    Path("mine/letter.txt").write_text("dear", encoding="utf-8")
    train = ["train", "--data", labelled, *TINY_OPTIONS, "--out"]
    refused = assert_refused(sft, [*train, "mine"], "exists already")
    assert "--resume" not in refused.err  # it is no run
    assert_refused(sft, [*train, "mine/letter.txt"], "exists already")
    assert_refused(sft, [*train, "mine/letter.txt/run"], "cannot be made")
    assert_refused(sft, [*train, "x" * 300], "cannot be made")


def test_the_empty_current_folder_cannot_be_the_run(sft: Cli, labelled: Path) -> None:
    assert_refused(sft, ["train", "--data", labelled, *TINY_OPTIONS, "--out", "."], "current folder")


def test_what_cannot_be_resumed(sft: Cli, lstm_run: RunResult) -> None:
    shutil.copytree(lstm_run.run.path, "done")
    assert_refused(sft, ["train", "--resume", "done"], "is finished", "sft-keras predict done/bundle")
    assert_refused(sft, ["train", "--resume", "nothing"], "no run here", "sft-keras runs")
    assert_refused(sft, ["train", "--resume", "done", "--data", "x.csv"], "--data", "Leave these out")
    assert_refused(sft, ["train", "--resume", "done", "--seed", "0", "--out", "other"], "--seed, --out")
    assert_refused(sft, ["train"], "No data was given", "--data FILE")


@pytest.mark.parametrize(
    "command", [["init-config"], ["report"], ["runs"], ["explain"], ["train", "--data", "rows.csv", "--out"]]
)
@pytest.mark.parametrize("name", ["x" * 300, "rows.csv/under", "circle", "circle/under"])
def test_names_that_nothing_can_have(sft: Cli, labelled: Path, command: list[str], name: str) -> None:
    shutil.copyfile(labelled, "rows.csv")
    Path("circle").symlink_to("circle")
    answer = sft(*command, name, *(["--text=good"] if command == ["explain"] else []))
    if command == ["runs"] and answer.code == 0:
        return  # there are none
    assert answer.code == 2, answer
    assert answer.message[0].startswith("Error: ")
    assert len(answer.message) <= 3
    assert sorted(path.name for path in Path().iterdir()) == ["circle", "rows.csv"]
