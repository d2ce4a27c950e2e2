"""One replica and two give the same model. SGD, because Adam hides a gradient that is doubled."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(importlib.util.find_spec("tensorflow") is None, reason="MirroredStrategy is TensorFlow's")
def test_one_and_two_replicas_train_the_same_model() -> None:
    program = Path(__file__).with_name("replicas_program.py")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1", "KERAS_BACKEND": "tensorflow"}
    done = subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, env=environment, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    printed = json.loads(done.stdout.splitlines()[-1])
    results = printed["trained"]
    assert set(results) == {"row-wise", "supcon", "prototype", "center"}
    for name, (one, two) in results.items():
        assert np.abs(one["change"]).max() > 0.01, name
        np.testing.assert_allclose(two["change"], one["change"], rtol=1e-4, atol=1e-6, err_msg=name)
        np.testing.assert_allclose(two["loss"], one["loss"], rtol=1e-5, err_msg=name)
        assert len(one["state"]) == (1 if name == "center" else 0)
        for mine, other in zip(two["state"], one["state"], strict=True):
            assert np.abs(other).max() > 0.01
            np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-6, err_msg=name)
    centers, expected = printed["centers"]
    np.testing.assert_allclose(centers, expected, rtol=1e-5, atol=1e-6)
