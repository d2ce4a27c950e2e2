"""The command line in process: what it prints, where, with which exit code, and what it leaves alone."""

from __future__ import annotations

import errno
import gzip
import io
import json
import shlex
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pandas as pd
import pytest
import typer

from sft_keras import cli
from sft_keras.config import RunConfig
from sft_keras.data.examples import Examples
from sft_keras.errors import TrainingError
from sft_keras.runs.directory import RunDirectory
from sft_keras.runs.worker import RunResult
from sft_keras.services import Services
from tests.conftest import TINY, sentences, write_csv

TINY_OPTIONS = [
    "--backbone=lstm",
    *(f"--set={section}.{key}={value}" for section, values in TINY.items() for key, value in values.items()),
]


@dataclass(frozen=True)
class Answer:
    """What a command gave."""

    code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.err.splitlines() if line.startswith('{"event"')]

    @property
    def message(self) -> list[str]:
        return [line for line in self.err.splitlines() if not line.startswith('{"event"')]


Cli = Callable[..., Answer]


@pytest.fixture
def sft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Calls the command line in an empty folder, with a data directory of its own."""
    monkeypatch.setenv("SFT_DATA_DIR", str(tmp_path / "data_dir"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def call(*arguments: object, stdin: str | bytes = "") -> Answer:
        raw = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr(sys, "argv", ["sft-keras", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8"))
        capsys.readouterr()
        code: Any = 0
        try:
            cli.main()
        except SystemExit as ended:
            code = ended.code or 0
        captured = capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    return call


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def assert_refused(sft: Cli, arguments: Iterable[object], *told: str) -> Answer:
    """A mistake gets one to three lines on standard error, exit code 2, and changes nothing."""
    before = contents(Path())
    answer = sft(*arguments)
    assert answer.code == 2, answer
    assert answer.out == ""
    assert 1 <= len(answer.message) <= 3
    assert answer.message[0].startswith("Error: ")
    assert [line.partition(": ")[0] for line in answer.message[1:]] in (
        [],
        ["Where"],
        ["What to do"],
        ["Where", "What to do"],
    )
    for part in told:
        assert part in "\n".join(answer.message)
    assert contents(Path()) == before
    assert not [path for path in Path().iterdir() if path.name.startswith(".")]
    return answer


# Listings


def test_every_command_and_option_says_what_it_is_for() -> None:
    group: Any = typer.main.get_command(cli.app)
    assert len(group.commands) >= 9
    for name, command in group.commands.items():
        assert command.help, name
        for parameter in command.params:
            assert parameter.help, f"{name} {parameter.name}"


def test_help_names_every_option(sft: Cli) -> None:
    answer = sft("train", "--help")
    assert answer.code == 0
    for option in ("--data", "--validation", "--config", "--set", "--sup-term", "--sup-weight", "--resume"):
        assert option in answer.out


def test_backbones(sft: Cli) -> None:
    answer = sft("backbones")
    assert answer.code == 0
    assert "bert_base_multi" in answer.out
    listed = json.loads(sft("backbones", "--json").out)
    lstm = next(backbone for backbone in listed if backbone["name"] == "lstm")
    assert (lstm["family"], lstm["here"]) == ("lstm", True)
    assert all({"parameters", "languages", "licence"} <= set(backbone) for backbone in listed)


def test_samples(sft: Cli) -> None:
    assert "movie-reviews" in sft("samples").out
    listed = json.loads(sft("samples", "--json").out)
    assert {sample["name"] for sample in listed} >= {"movie-reviews", "bbc-news"}
    assert not any(sample["available"] for sample in listed)
    assert_refused(sft, ["samples", "no-such", "--download"], "movie-reviews")
    assert_refused(sft, ["samples", "tweets"], "--download")
    assert_refused(sft, ["check", "sample:tweets"], "sft-keras samples --download")


def test_version(sft: Cli) -> None:
    assert sft("version").out.startswith("sft-keras 0.")
    assert "tensorflow" in json.loads(sft("version", "--json").out)


def test_init_config_reads_back_to_the_defaults(sft: Cli) -> None:
    printed = sft("init-config")
    assert sft("init-config", "mine.yaml").code == 0
    assert Path("mine.yaml").read_text(encoding="utf-8") == printed.out
    assert RunConfig.from_yaml(Path("mine.yaml")) == RunConfig()
    assert_refused(sft, ["init-config", "mine.yaml"], "exists already", "Choose another name")
    assert_refused(sft, ["init-config", "no/such/folder.yaml"], "cannot be written")


def test_no_runs_yet(sft: Cli) -> None:
    assert "No runs here" in sft("runs").out
    assert json.loads(sft("runs", "--json").out) == []
    assert_refused(sft, ["runs", "no-such-folder"], "no such folder")


def test_runs_lists_also_what_cannot_be_read(sft: Cli, lstm_run: RunResult) -> None:
    shutil.copytree(lstm_run.run.path, "runs/good")
    shutil.copytree(lstm_run.run.path, "runs/spoiled")
    Path("runs/spoiled/status.json").write_text('{"from_the_future": 1}', encoding="utf-8")
    listed = {Path(run["path"]).name: run for run in json.loads(sft("runs", "--json").out)}
    assert listed["good"]["state"] == "finished"
    assert listed["good"]["summary"]["accuracy"] == lstm_run.report["metrics"]["accuracy"]["value"]
    assert listed["spoiled"]["state"] == "unreadable"
    shown = sft("runs", "runs").out
    assert "finished" in shown
    assert "unreadable" in shown


# Looking at data


def test_check_prints_one_json_object(sft: Cli, labelled: Path) -> None:
    answer = sft("check", labelled, "--json")
    assert answer.code == 0
    report = json.loads(answer.out)
    assert answer.err == ""
    assert report["columns"]["text"] == "text"
    assert report["class_counts"] == {"good": 60, "bad": 60}
    assert report["ok"] is True


def test_check_for_people(sft: Cli) -> None:
    rows = [*sentences(40), ("", "good"), ("no label", ""), ("twice [bold]", "good"), ("twice [bold]", "bad")]
    answer = sft("check", write_csv(Path("in.csv"), rows))
    assert answer.code == 0
    assert "42 usable of 44 rows" in answer.out
    assert "warning" in answer.out


def test_ragged_rows_are_read_and_reported(sft: Cli) -> None:
    lines = ["text,label", *(f"{text},{label}" for text, label in sentences(20)), "too,many,cells", "too few"]
    Path("ragged.csv").write_text("\n".join(lines), encoding="utf-8")
    report = json.loads(sft("check", "ragged.csv", "--json").out)
    assert report["rows"] == 22
    assert any("cells" in note or "columns" in note for note in report["notes"]), report["notes"]


# Mistakes


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


def test_errors_as_json(sft: Cli) -> None:
    answer = sft("check", "missing.csv", "--json")
    assert (answer.code, answer.out) == (2, "")
    assert json.loads(answer.err) == {
        "error": "DataError",
        "problem": "The file does not exist.",
        "where": "missing.csv",
        "fix": "Check the path and the spelling.",
    }


def test_a_bug_of_ours_is_told_apart(sft: Cli, labelled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("unforeseen")

    monkeypatch.setattr(Services, "check", broken)
    answer = sft("check", labelled)
    assert (answer.code, answer.out) == (1, "")
    assert "RuntimeError: unforeseen" in answer.err
    assert "This is a bug in sft-keras" in answer.err


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENAMETOOLONG, "File name too long", "x" * 300), "File name too long"),
        (PermissionError(errno.EACCES, "Permission denied", b"a.csv"), "Permission denied"),
        (OSError("the device is gone"), "the device is gone"),
        (MemoryError(), "not enough memory"),
    ],
)
def test_what_the_machine_refuses_is_no_bug(
    sft: Cli, labelled: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, told: str
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Services, "check", refused)
    assert_refused(sft, ["check", labelled], told)


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


def test_ctrl_c_outside_a_training(sft: Cli, labelled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Services, "check", interrupted)
    answer = sft("check", labelled)
    assert (answer.code, answer.out, answer.err) == (130, "", "")


def test_a_failure_in_training_is_told_and_can_be_resumed(
    sft: Cli, labelled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sft_keras.training.strategies as strategies

    def failing(*_: object, **__: object) -> None:
        raise TrainingError("The loss is no longer a number (step 3).", fix="Lower optimizer.learning_rate.")

    with monkeypatch.context() as patch:
        patch.setattr(strategies, "train", failing)
        answer = sft("train", "--data", labelled, "--out", "run", *TINY_OPTIONS)
    assert answer.code == 2
    assert answer.message == [
        "Error: The loss is no longer a number (step 3).",
        "What to do: Lower optimizer.learning_rate.",
    ]
    status = json.loads(Path("run/status.json").read_text(encoding="utf-8"))
    assert (status["state"], status["pid"]) == ("failed", 0)
    assert status["message"] == "The loss is no longer a number (step 3)."
    assert "no longer a number" in Path("run/log.txt").read_text(encoding="utf-8")
    assert not Path("run/bundle").exists()
    assert sft("train", "--resume", "run").code == 0
    resumed = json.loads(Path("run/status.json").read_text(encoding="utf-8"))
    assert (resumed["state"], resumed["message"]) == ("finished", "")


# Predictions


def test_predict_prints_a_json_line_a_text(sft: Cli, lstm_run: RunResult) -> None:
    texts = ["a great film", "an awful film", "  "]
    answer = sft("predict", lstm_run.run.bundle, *(f"--text={text}" for text in texts), "--json")
    lines = [json.loads(line) for line in answer.out.splitlines()]
    assert [line["text"] for line in lines] == texts
    for line in lines[:2]:
        assert set(line) == {"text", "label", "confidence", "probabilities"}
        assert set(line["probabilities"]) == {"good", "bad"}
        assert sum(line["probabilities"].values()) == pytest.approx(1)
        assert line["confidence"] == line["probabilities"][line["label"]] == max(line["probabilities"].values())
    assert lines[2] == {"text": "  ", "label": "", "confidence": 0.0, "probabilities": {}}
    assert answer.err == ""
    from_run = sft("predict", lstm_run.run.path, "--text", texts[0], "--json")
    assert json.loads(from_run.out)["probabilities"] == pytest.approx(lines[0]["probabilities"], abs=1e-6)


def test_explain_says_which_words_speak_for_a_label(sft: Cli, lstm_run: RunResult) -> None:
    found = json.loads(sft("explain", lstm_run.run.path, "--text", "a great film!", "--label", "good", "--json").out)
    assert "".join(piece["text"] for piece in found["words"]) == "a great film!"
    total = sum(piece["weight"] for piece in found["words"])
    assert total == pytest.approx(found["probability"] - found["baseline"], abs=1e-3)
    shown = sft("explain", lstm_run.run.path, "--text", "a [red]great[/] film!", "--method", "occlusion").out
    assert "a [red]great[/] film!" in shown
    assert "without the word" in shown


def test_explain_shows_training_examples_that_are_like_the_text(
    sft: Cli, copied_run: RunDirectory, tmp_path: Path
) -> None:
    row = Examples.from_parquet(copied_run.data / "train.parquet").take([0])
    arguments = ("explain", copied_run.path, "--text", row.texts[0], "--method", "occlusion", "--examples", "3")
    told = json.loads(sft(*arguments, "--json").out)["examples"]
    assert (told["found"][0]["text"], told["found"][0]["label"]) == (row.texts[0], row.labels[0])
    assert len(told["found"]) == 3
    assert told["compared"] == told["drawn"] == told["rows"]
    shown = sft(*arguments).out
    assert "3 most similar training examples" in shown
    assert row.texts[0] in shown.split("similar training")[1]
    assert_refused(sft, [*map(str, arguments[:-1]), "21"], "from 1 to 20")
    away = tmp_path / "away" / "bundle"
    shutil.copytree(copied_run.bundle, away)
    assert_refused(sft, ["explain", away, "--text", "a", "--examples", "3"], "are not here")
    # A folder "data" that a person has beside such a bundle is none of a run.
    theirs = tmp_path / "away" / "data" / "features" / "notes.csv"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("mine")
    shutil.copy(copied_run.data / "train.parquet", tmp_path / "away" / "data")
    assert_refused(sft, ["explain", away, "--text", "a", "--examples", "3"], "are not here")
    assert theirs.read_text() == "mine"
    empty = sft("explain", copied_run.path, "--text", " ", "--method", "occlusion", "--examples", "3", "--json")
    assert json.loads(empty.out)["examples"]["found"] == []
    assert_refused(sft, ["explain", tmp_path / "none", "--text", "a", "--examples", "3"], "none")


def test_predict_reads_standard_input(sft: Cli, lstm_run: RunResult) -> None:
    texts = [f"{text} été 正面 🙂" for text, _ in sentences(5)]
    answer = sft("predict", lstm_run.run.bundle, "--json", stdin="\ufeff" + "\r\n".join([*texts, "", "last"]))
    assert [json.loads(line)["text"] for line in answer.out.splitlines()] == [*texts, "", "last"]


def test_predict_refuses_what_is_no_utf_8(sft: Cli, lstm_run: RunResult) -> None:
    answer = sft("predict", lstm_run.run.bundle, stdin="un été\n".encode("latin-1"))
    assert answer.code == 2
    assert "not UTF-8" in answer.message[0]


def test_predict_survives_half_a_character(sft: Cli, lstm_run: RunResult) -> None:
    answer = sft("predict", lstm_run.run.bundle, "--json", "--text", "great \udcff film")
    assert answer.code == 0
    assert json.loads(answer.out)["text"] == "great \udcff film"


def test_predict_for_people_is_one_line_a_text(sft: Cli, lstm_run: RunResult) -> None:
    texts = ["great\nfilm [/bold] with a \\", "awful " * 60, ""]
    answer = sft("predict", lstm_run.run.bundle, *(f"--text={text}" for text in texts))
    lines = answer.out.splitlines()
    assert len(lines) == 3
    assert "great film [/bold] with a \\" in lines[0]
    assert lines[1].endswith("…")
    assert lines[2].startswith("(empty)")
    shown = sft("predict", lstm_run.run.bundle, "--text=great", "--probabilities")
    assert len(shown.out.splitlines()) == 2
    assert "good 0." in shown.out


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl"])
def test_predict_keeps_every_row_and_column_of_a_file(sft: Cli, lstm_run: RunResult, ending: str) -> None:
    rows = [(str(i), text, 'a "quoted", cell\nwith a break', "old") for i, (text, _) in enumerate(sentences(9))]
    rows[4] = ("4", "", "no text here", "old")
    write_csv(Path("in.csv"), rows, header=("id", "review", "note", "prediction"))
    out = Path(f"out.{ending}")
    answer = sft("predict", lstm_run.run.bundle, "--file", "in.csv", "--out", out, "--probabilities")
    assert answer.code == 0
    assert "9 rows" in answer.out
    if ending == "jsonl":
        frame = pd.DataFrame([json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()])
    else:
        frame = pd.read_csv(
            out, sep="," if ending == "csv" else "\t", dtype=str, keep_default_na=False, encoding="utf-8-sig"
        )
    added = ["prediction (2)", "confidence", "probability_bad", "probability_good"]
    assert list(frame.columns) == ["id", "review", "note", "prediction", *added]
    assert [tuple(row) for row in frame.iloc[:, :4].itertuples(index=False)] == rows
    assert list(frame.loc[4, added]) == ["", "", "", ""]
    filled = frame.drop(index=4)
    assert set(filled["prediction (2)"]) <= {"good", "bad"}
    direct = sft("predict", lstm_run.run.bundle, "--text", rows[0][1], "--json")
    assert float(frame.loc[0, "confidence"]) == pytest.approx(json.loads(direct.out)["confidence"], abs=1e-5)
    assert not list(Path().glob(".*"))


def test_predict_file_as_json(sft: Cli, lstm_run: RunResult) -> None:
    write_csv(Path("in.csv"), sentences(8))
    arguments = ["predict", lstm_run.run.bundle, "--file", "in.csv", "--text-column", "text", "--json"]
    assert json.loads(sft(*arguments, "--out", "out.csv").out) == {"rows": 8, "out": "out.csv"}


def test_predict_file_decides_by_what_mistakes_cost(sft: Cli, lstm_run: RunResult) -> None:
    write_csv(Path("in.csv"), sentences(8))
    Path("costs.csv").write_text("true,bad,good\nbad,0,1000000\ngood,0,0\n", encoding="utf-8")
    file = ["predict", lstm_run.run.path, "--file", "in.csv", "--text-column", "text"]
    assert sft(*file, "--out", "one.csv", "--costs", "costs.csv").code == 0
    assert set(pd.read_csv("one.csv")["decision"]) == {"bad"}
    Path("costs.csv").write_text("true,bad,good\nbad,0,1\ngood,1,0\n", encoding="utf-8")
    assert sft(*file, "--out", "two.csv", "--costs", "costs.csv", "--hand-over", "0").code == 0
    assert set(pd.read_csv("two.csv")["decision"]) == {"(a person)"}
    assert_refused(sft, [*file, "--out", "no.csv", "--decide"], "No costs were kept", "--costs FILE")
    assert_refused(sft, [*file, "--out", "no.csv", "--hand-over", "1"], "--hand-over with one of them")
    assert_refused(sft, ["predict", lstm_run.run.path, "--text", "x", "--decide"], "go with --file")
    assert not Path("no.csv").exists()


def test_what_predict_refuses(sft: Cli, lstm_run: RunResult) -> None:
    write_csv(Path("in.csv"), sentences(8))
    bundle = lstm_run.run.bundle
    assert_refused(sft, ["predict", "nothing", "--text", "x"], "no bundle here", "Where: nothing")
    assert_refused(sft, ["predict", ".", "--text", "x"], "no manifest.json")
    file = ["predict", bundle, "--file", "in.csv"]
    assert_refused(sft, file, "--out")
    assert_refused(sft, ["predict", bundle, "--out", "x.csv"], "--out goes with --file")
    assert_refused(sft, [*file, "--out", "x.csv", "--text", "y"], "no --text")
    assert_refused(sft, [*file, "--out", "out.xlsx"], '".xlsx"', ".csv, .tsv or .jsonl")
    assert_refused(sft, [*file, "--out", "in.csv"], "exists already")
    assert_refused(sft, [*file, "--out", "no/such/folder.csv"], "no folder", "no/such")
    assert_refused(sft, [*file, "--out", "in.csv/out.csv"], "no folder")
    assert_refused(sft, [*file, "--out", f"{'x' * 300}.csv"], "cannot be written")
    assert_refused(sft, [*file, "--out", "o.csv", "--text-column", "txt"], 'no text column "txt"', "label, text")
    assert_refused(sft, ["predict", bundle, "--file", "missing.csv", "--out", "o.csv"], "does not exist")


# Scoring


def test_evaluate_prints_one_json_object(sft: Cli, lstm_run: RunResult, labelled: Path) -> None:
    answer = sft("evaluate", lstm_run.run.bundle, "--data", labelled, "--json")
    report = json.loads(answer.out)
    assert answer.err == ""
    assert report["rows"] == {"test": 120}
    assert report["baselines"] == {}
    assert set(report["metrics"]["accuracy"]) == {"value", "low", "high"}
    shown = sft("evaluate", lstm_run.run.bundle, "--data", labelled)
    assert f"{report['metrics']['accuracy']['value']:.3f}" in shown.out


def test_evaluate_refuses_a_label_that_the_model_does_not_know(sft: Cli, lstm_run: RunResult) -> None:
    data = write_csv(Path("in.csv"), [*sentences(8), ("a text", "great")])
    arguments = ["evaluate", lstm_run.run.bundle, "--data", data]
    assert_refused(sft, arguments, '"great"', "Where: in.csv", "bad, good")


def test_report_writes_one_page_and_overwrites_nothing(sft: Cli, lstm_run: RunResult) -> None:
    answer = sft("report", lstm_run.run.bundle, "--lang", "zh")
    assert (answer.code, answer.out, answer.err) == (0, "", "Wrote report.html\n")
    assert '<html lang="zh-Hans">' in Path("report.html").read_text(encoding="utf-8")
    assert_refused(sft, ["report", lstm_run.run.path], "exists already", "Where: report.html")
    assert_refused(sft, ["report", lstm_run.run.path, "--out", "no/page.html"], "cannot be written")
    assert_refused(sft, ["report", lstm_run.run.path, "--out", "b.html", "--lang", "fr"], 'language "fr"', "en, zh")
    assert_refused(sft, ["report", lstm_run.run.bundle, "--out", "b.html", "--texts"], "holds no texts")
    assert_refused(sft, ["report", "nowhere", "--out", "b.html"], "no bundle here")


def test_the_searches_are_shown_on_the_terminal(lstm_run: RunResult, capsys: pytest.CaptureFixture[str]) -> None:
    from sft_keras import terminal

    tried = [{"weight": 0.0, "score": 0.71, "epochs": 3, "seconds": 4}, {"weight": 0.1, "score": 0.72}]
    searches = {
        "lambda_search": {"rows": tried, "chosen": 0.1, "monitor": "macro_f1"},
        "layer_search": {"rows": [{"layers": "3-6", "C": 10.0, "score": 0.7}], "chosen": "3-6"},
    }
    terminal.show_report({**lstm_run.report, **searches})
    out = " ".join(capsys.readouterr().out.split())
    assert "λ tried λ validation macro_f1 epochs time 0 0.710 3 4 s 0.1 0.720 – – chosen" in out
    assert "Layers tried layers C validation score 3-6 10 0.700 chosen" in out


def test_the_next_commands_are_on_one_line_each(sft: Cli, labelled: Path) -> None:
    out = Path("a folder with blanks") / ("long" * 30)
    answer = sft("train", "--data", labelled, "--out", out, *TINY_OPTIONS, "--set=evaluation.baselines=false")
    command = next(line for line in answer.out.splitlines() if "sft-keras evaluate" in line)
    words = shlex.split(command)
    assert words[:3] == ["sft-keras", "evaluate", str(out / "bundle")]
    assert answer.events[-1]["event"] == "phase"
    assert {event["event"] for event in answer.events} >= {"log", "start", "step", "epoch", "checkpoint"}
    assert answer.message == []


def test_escapes_and_markup_in_a_file_do_nothing_to_the_terminal(sft: Cli) -> None:
    rows = [
        (f"{text} \x1b]0;owned\x07", "[/b]\x1b[31m" if label == "good" else "[red]") for text, label in sentences(12)
    ]
    data = write_csv(Path("in.csv"), [*rows, ("rare", "[/x]\x1b[2J")])
    shown = sft("check", data)
    assert shown.code == 1  # a class has one row
    assert "\x1b" not in shown.out
    assert "[red]" in shown.out
    assert "[/b] [31m" in shown.out
    answer = sft("train", "--data", data, "--backbone", "lstm")
    assert answer.code == 2
    assert "\x1b" not in answer.out + "\n".join(answer.message)


def test_runs_survives_a_status_with_markup(sft: Cli, lstm_run: RunResult) -> None:
    folder = shutil.copytree(lstm_run.run.path, Path("a"))
    for status in ({"state": "[/x]\x1b[2J"}, {"created": 5}, {"summary": {"accuracy": "[/]"}}, {"summary": []}):
        (folder / "status.json").write_text(json.dumps(status), encoding="utf-8")
        answer = sft("runs", Path())
        assert answer.code == 0, answer
        assert "\x1b" not in answer.out


def test_evaluate_says_which_columns_were_used_and_which_rows_left_out(sft: Cli, lstm_run: RunResult) -> None:
    data = write_csv(Path("in.csv"), [*sentences(12), ("no label", "")])
    notes = json.loads(sft("evaluate", lstm_run.run.bundle, "--data", data, "--json").out)["notes"]
    assert 'Labels: column "label", because of its name.' in notes
    assert "1 row(s) without a label were left out, the first is row 13." in notes
