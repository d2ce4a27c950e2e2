"""Processes that compute: for which models one is started, what it answers, how it is replaced and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

from sft_keras.artifacts.bundle import GRAPH, read_bundle
from sft_keras.data.examples import Examples
from sft_keras.errors import ArtifactError, InputValueError
from sft_keras.inference.exact import Explainer
from sft_keras.inference.neighbours import Neighbours
from sft_keras.inference.pool import ModelPool, open_predictor
from sft_keras.inference.process import ProcessPredictor
from sft_keras.runs.directory import RunDirectory
from sft_keras.runs.worker import RunResult
from sft_keras.services import Services

TEXTS = ["the film was great", "味道很好 🎉", "awful \ud800 plot"]


def without_graph(run: RunDirectory) -> Path:
    """The bundle as one that could not be exported."""
    manifest = run.bundle / "manifest.json"
    content = json.loads(manifest.read_text(encoding="utf-8"))
    del content["files"][GRAPH]
    manifest.write_text(json.dumps(content), encoding="utf-8")
    return run.bundle


def test_a_bundle_with_a_graph_is_answered_without_a_process(lstm_run: RunResult, services: Services) -> None:
    before = {child.pid for child in psutil.Process().children()}
    pool = ModelPool()
    found = pool.predictor(lstm_run.run.path).probabilities(TEXTS)
    np.testing.assert_allclose(found, services.load(lstm_run.run.bundle).probabilities(TEXTS), atol=1e-5)
    assert {child.pid for child in psutil.Process().children()} <= before
    pool.close()


def test_without_a_graph_a_warm_process_answers_is_restarted_and_ended(
    copied_run: RunDirectory, services: Services
) -> None:
    bundle = without_graph(copied_run)
    expected = services.load(bundle).probabilities(TEXTS)
    before = {child.pid for child in psutil.Process().children()}
    pool = ModelPool()
    predictor = pool.predictor(bundle)
    np.testing.assert_allclose(predictor.probabilities(TEXTS), expected, atol=1e-5)
    (child,) = [each for each in psutil.Process().children() if each.pid not in before]
    predictor.predict(TEXTS)
    assert [each for each in psutil.Process().children() if each.pid not in before] == [child]  # not started anew
    os.kill(child.pid, signal.SIGKILL)
    np.testing.assert_allclose(predictor.probabilities(TEXTS), expected, atol=1e-5)
    (child,) = [each for each in psutil.Process().children() if each.pid not in before and each.status() != "zombie"]
    pool.close()
    child.wait(10)


def test_a_process_that_does_not_answer_in_time_is_ended(copied_run: RunDirectory) -> None:
    predictor = open_predictor(without_graph(copied_run)).predictor
    assert isinstance(predictor, ProcessPredictor)
    impatient = ProcessPredictor(read_bundle(copied_run.bundle), start_seconds=0.01)
    with pytest.raises(ArtifactError, match="did not answer within"):
        impatient.logits(["x"])
    assert impatient._process is None


def test_an_exact_explanation_comes_from_one_process_that_ends_when_nobody_asks(
    copied_run: RunDirectory, services: Services
) -> None:
    explainer = Explainer(idle_seconds=2)
    expected = services.load(copied_run.bundle).explain("a great film!", "good")
    found = explainer.explain(copied_run.path, "a great film!", "good")
    assert (found.label, found.method, found.steps) == ("good", "gradients", expected.steps)
    assert [piece.text for piece in found.words] == [piece.text for piece in expected.words]
    np.testing.assert_allclose(
        [piece.weight for piece in found.words], [piece.weight for piece in expected.words], atol=1e-5
    )
    assert explainer._process is not None
    child = explainer._process._process
    with pytest.raises(InputValueError, match="goood"):
        explainer.explain(copied_run.path, "a", "goood")
    assert explainer._process._process is child  # a mistake of the person's does not cost a new start
    rows = copied_run.data / "train.parquet"
    text = Examples.from_parquet(rows).texts[1]
    alike = explainer.neighbours(copied_run.path, rows, text, count=3)
    assert (alike.found[0].text, len(alike.found)) == (text, 3)
    assert alike == services.similar_examples(copied_run.path, text, 3)
    with pytest.raises(ArtifactError, match="missing or damaged"):
        explainer.neighbours(copied_run.path, rows.with_name("none.parquet"), "a")
    assert explainer._process._process is child
    assert child is not None
    child.wait(20)
    assert explainer._process is None


def test_an_empty_text_starts_no_process(copied_run: RunDirectory, services: Services) -> None:
    (copied_run.bundle / "model.keras").unlink()
    explainer = Explainer()
    assert explainer.neighbours(copied_run.path, copied_run.data / "train.parquet", " \n") == Neighbours.none()
    assert services.similar_examples(copied_run.path, "") == Neighbours.none()
    with pytest.raises(InputValueError, match="from 1 to 20"):
        explainer.neighbours(copied_run.path, copied_run.data / "train.parquet", "", count=0)
    assert explainer._process is None


def test_a_process_that_cannot_load_says_why(copied_run: RunDirectory) -> None:
    predictor = ProcessPredictor(read_bundle(without_graph(copied_run)))
    (copied_run.bundle / "model.keras").write_bytes(b"rubbish")
    with pytest.raises(ArtifactError, match=r"model\.keras was changed"):
        predictor.logits(["x"])
    predictor.close()


def test_the_process_ends_with_its_parent(copied_run: RunDirectory) -> None:
    program = """
import sys, os, time
from pathlib import Path
from sft_keras.inference.pool import open_predictor
predictor = open_predictor(Path(sys.argv[1])).predictor
predictor.logits(["x"])
print(predictor._process.pid, flush=True)
time.sleep(60)
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(without_graph(copied_run))], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    child.wait(10)
