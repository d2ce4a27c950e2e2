"""What only a process of its own can show: a quick start, Ctrl-C, and a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sft_keras.config import RunConfig
from sft_keras.runs.directory import RunDirectory
from sft_keras.runs.worker import RunResult
from sft_keras.services import Services
from tests.cli.commands import Cli
from tests.conftest import TINY, merged, sentences

QUICK = {"baselines": False}
PROGRAM = "import sys; from sft_keras.cli import main; sys.argv[0] = 'sft-keras'; sys.exit(main())"
LISTINGS = """
import io, contextlib, json, sys
from sft_keras import cli
def loaded(*names):
    return sorted({m.split(".")[0] for m in sys.modules} & set(names))
def call(*arguments):
    sys.argv = ["sft-keras", *arguments]
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            cli.main()
        except SystemExit as ended:
            assert not ended.code, ended.code
found = {}
heavy = ("tensorflow", "keras", "keras_hub", "jax", "torch", "gradio", "sklearn", "scipy", "matplotlib")
call("--help"); call("train", "--help")
found["help"] = loaded(*heavy, "pandas", "numpy", "pyarrow")
call("backbones"); call("samples"); call("runs"); call("init-config")
found["listings"] = loaded(*heavy, "pandas", "pyarrow")
call("version"); call("check", FILE)
found["looks"] = loaded("tensorflow", "keras", "keras_hub", "jax", "torch", "gradio")
print(json.dumps(found))
"""


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "SFT_DATA_DIR": str(folder / "data_dir")}


def start(folder: Path, *arguments: object) -> subprocess.Popen[str]:
    """Starts the command line as a person would."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=environment(folder),
    )


def wait_for(process: subprocess.Popen[str], wanted: Callable[[dict[str, Any]], bool]) -> None:
    """Reads its standard error up to an event."""
    seen = []
    for line in process.stderr or ():
        seen.append(line)
        if line.startswith('{"event"') and wanted(json.loads(line)):
            return
    pytest.fail("the event never came:\n" + "".join(seen))


def config_file(folder: Path, settings: dict[str, Any]) -> Path:
    path = folder / "config.yaml"
    path.write_text(RunConfig.parse(merged(TINY, settings)).to_yaml(), encoding="utf-8")
    return path


def test_help_is_quick_and_loads_nothing_heavy(tmp_path: Path, labelled: Path) -> None:
    began = os.times()
    done = subprocess.run([sys.executable, "-c", PROGRAM, "--help"], capture_output=True, text=True, check=True)
    ended = os.times()
    assert "train" in done.stdout
    # 0.4 s of a processor, of which a busy machine takes no more.
    assert ended.children_user + ended.children_system - began.children_user - began.children_system < 1.5
    program = LISTINGS.replace("FILE", repr(str(labelled)))
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=environment(tmp_path),
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"help": [], "listings": [], "looks": []}


def test_ctrl_c_keeps_the_best_model_and_can_be_resumed(
    sft: Cli,
    services: Services,
    labelled: Path,
    tmp_path: Path,
) -> None:
    config = config_file(
        tmp_path, {"model": {"backbone": "lstm"}, "evaluation": QUICK, "training": {"epochs": 25, "patience": None}}
    )
    out = tmp_path / ("a long name " * 8).strip() / "run"
    with start(tmp_path, "train", "--data", labelled, "--config", config, "--out", out) as process:
        wait_for(process, lambda event: event["event"] == "epoch")
        process.send_signal(signal.SIGINT)
        shown, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert "Stopping after this step" in told
    assert "Traceback" not in told
    assert f"Go on where it stopped: sft-keras train --resume '{out}'" in shown.splitlines()[1]
    run = RunDirectory.open(out)
    assert run.status().state == "cancelled"
    assert 1 <= run.status().epoch < 25
    assert "not yet scored" in shown
    assert services.load(out).predict(["a great film"])[0].label in ("good", "bad")
    assert "test part was not scored" in (run.bundle / "README.md").read_text(encoding="utf-8")
    answer = sft("train", "--resume", out)
    assert answer.code == 0, answer.err
    assert run.status().state == "finished"
    epochs = [event["epoch"] for event in answer.events if event["event"] == "epoch"]
    assert epochs[-1] == 25
    assert epochs[0] > 1
    assert json.loads((run.report / "report.json").read_text(encoding="utf-8"))["rows"]["test"] == 24


def within_an_epoch(event: dict[str, Any]) -> bool:
    return event["event"] == "checkpoint" and event["epoch"] >= 1 and event["step"] >= 2


def while_the_bundle_is_written(event: dict[str, Any]) -> bool:
    return event["event"] == "phase" and event["name"] == "saving"


@pytest.fixture
def as_in_other_processes() -> Iterator[None]:
    """What is compared to the bit is computed alike: TensorFlow improves its graphs, as `tests/conftest.py` forbids."""
    import tensorflow as tf

    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False})
    yield
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


# More moments, at random: benchmarks/kill_nine.py.
@pytest.mark.usefixtures("as_in_other_processes")
@pytest.mark.parametrize(("backbone", "moment"), [("lstm", within_an_epoch), ("bert", while_the_bundle_is_written)])
def test_killed_and_resumed_is_as_unbroken(
    sft: Cli,
    services: Services,
    train_run: Callable[..., RunResult],
    labelled: Path,
    tiny_bert: Path,
    tmp_path: Path,
    backbone: str,
    moment: Callable[[dict[str, Any]], bool],
) -> None:
    settings: dict[str, Any] = {
        "model": {"backbone": str(tiny_bert) if backbone == "bert" else "lstm"},
        "evaluation": QUICK,
        "training": {"epochs": 4, "patience": None, "seed": 3},
        "objective": {"terms": [{"name": "supcon", "weight": 0.1}]},
    }
    config, out = config_file(tmp_path, settings), tmp_path / "run"
    often = ["--set", "training.checkpoint_minutes=0.0001"]
    with start(tmp_path, "train", "--data", labelled, "--config", config, "--out", out, *often) as process:
        wait_for(process, moment)
        process.kill()
        process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    run = RunDirectory.open(out)
    assert run.status().state == "interrupted"
    assert not run.bundle.exists()
    answer = sft("train", "--resume", out)
    assert answer.code == 0, answer.err
    resumed = next(e["message"] for e in answer.events if e["event"] == "log" and "Resuming" in e["message"])
    assert ("step 0" in resumed) == (moment is while_the_bundle_is_written)
    unbroken = train_run(settings)
    report = json.loads((run.report / "report.json").read_text(encoding="utf-8"))
    assert report["metrics"] == unbroken.report["metrics"]
    assert report["confusion_matrix"] == unbroken.report["confusion_matrix"]
    assert report["data_fingerprint"] == unbroken.report["data_fingerprint"]
    texts = [text for text, _ in sentences(20, seed=9)]
    first, second = (services.load(path).probabilities(texts) for path in (out, unbroken.run.path))
    assert first == pytest.approx(second, abs=1e-6)
