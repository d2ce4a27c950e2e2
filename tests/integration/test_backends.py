"""A bundle that one backend wrote gives the same probabilities on another."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import keras
import numpy as np
import pytest

from sft_keras.runs.worker import RunResult
from sft_keras.services import Services
from tests.conftest import sentences

ROOT = Path(__file__).resolve().parents[2]
TEXTS = [text for text, _ in sentences(20, seed=5)]
OTHER = os.environ.get("SFT_TEST_TENSORFLOW")


@pytest.mark.skipif(
    not OTHER or keras.config.backend() == "tensorflow",
    reason="needs SFT_TEST_TENSORFLOW, a Python with TensorFlow beside this one: make test-jax",
)
def test_bundles_go_both_ways(
    services: Services, lstm_run: RunResult, bert_run: RunResult, labelled: Path, tmp_path: Path
) -> None:
    runs = {"lstm": lstm_run, "bert": bert_run}
    shutil.copyfile(labelled, tmp_path / "data.csv")
    (tmp_path / "texts.json").write_text(json.dumps(TEXTS), encoding="utf-8")
    for name, result in runs.items():
        shutil.copytree(result.run.bundle, tmp_path / name / "bundle")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    program = Path(__file__).with_name("exchange_program.py")
    done = subprocess.run(
        [str(OTHER), str(program), str(tmp_path)], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    there, mine = (json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8")) for name in ("there", "mine"))
    for name, result in runs.items():
        here = services.load(result.run.bundle).probabilities(TEXTS)
        assert np.ptp(here[:, 0]) > 0.01, name
        np.testing.assert_allclose(there[name], here, atol=1e-5, err_msg=name)
        theirs = tmp_path / f"mine-{name}" / "bundle"
        assert "tensorflow" in json.loads((theirs / "manifest.json").read_text(encoding="utf-8"))["versions"]
        np.testing.assert_allclose(services.load(theirs).probabilities(TEXTS), mine[name], atol=1e-5, err_msg=name)
