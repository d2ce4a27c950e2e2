"""From a trained run to an answer over HTTP, with the real model, and without Keras in the web process."""

from __future__ import annotations

import shutil
import subprocess
import sys

from sft_keras.services import Services
from sft_keras.services.space.base import new_key
from sft_keras.settings import Settings

PROGRAM = """
import sys
from pathlib import Path
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sft_keras.rest import add_routes
from sft_keras.services import Services
from sft_keras.settings import Settings

services = Services(Settings(data_dir=Path(sys.argv[1])))
app = FastAPI()
add_routes(app, services)
client = TestClient(app)
link = sys.argv[2]
texts = ["great lovely film", "awful boring film", ""]
answer = client.post(f"/api/v1/models/{link}/predict", json={"texts": texts, "probabilities": True})
assert answer.status_code == 200, answer.text
first, second, empty = answer.json()["predictions"]
assert (first["label"], second["label"], empty["label"]) == ("good", "bad", "")
assert abs(sum(first["probabilities"].values()) - 1) < 1e-6
told = client.get(f"/api/v1/models/{link}").json()
assert told["labels"] == ["bad", "good"]
assert "accuracy" in told["card"] and "fingerprint" not in told["card"]
services.uses.flush()
print(sorted({"keras", "tensorflow"} & set(sys.modules)))
"""


def test_a_trained_model_answers_through_its_link(lstm_run, tmp_path):
    services = Services(Settings(data_dir=tmp_path))
    space = services.space(new_key())
    folder = space.folder / "runs" / "0123456789abcdef"
    shutil.copytree(lstm_run.run.path, folder)
    link = space.publish(folder.name)
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(tmp_path), link.id], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
    assert space.link(folder.name).uses == 3
