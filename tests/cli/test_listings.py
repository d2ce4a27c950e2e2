"""What lists and describes: help, backbones, samples, settings, runs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import typer

from sft_keras import cli
from sft_keras.config import RunConfig
from sft_keras.runs.worker import RunResult
from tests.cli.commands import Cli, assert_refused


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


def test_runs_survives_a_status_with_markup(sft: Cli, lstm_run: RunResult) -> None:
    folder = shutil.copytree(lstm_run.run.path, Path("a"))
    for status in ({"state": "[/x]\x1b[2J"}, {"created": 5}, {"summary": {"accuracy": "[/]"}}, {"summary": []}):
        (folder / "status.json").write_text(json.dumps(status), encoding="utf-8")
        answer = sft("runs", Path())
        assert answer.code == 0, answer
        assert "\x1b" not in answer.out
