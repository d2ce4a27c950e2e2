"""An owner whose runs wait, and a run with a link and no real model behind it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from sft_keras.errors import LinkError
from sft_keras.runs import queue
from sft_keras.services import Services, Space
from sft_keras.services.examples import Neighbour, Neighbours
from sft_keras.services.space.base import new_id, new_key
from sft_keras.services.space.links import PublicLinks
from sft_keras.settings import Settings
from sft_keras.tasks.base import Prediction

SECRET = "a row of the training data"
CARD = """# A text classifier

Sorts a text into one of 2 labels: `好`, `坏`.

## How good it is

| | this model |
|---|---|
| accuracy | 0.900 |

## How it was made

- Backbone: `/srv/somebody/secret/model` (trained: full)
- Trained further from the bundle with the fingerprint `abc`
- Loss: cross_entropy; class weights: none
- Data fingerprint: `0123`
- All settings: `config.yaml`

## How to use it

```bash
sft-keras predict . --text "Your text"
```

## What to keep in mind

The scores hold for texts like those of the test part.
"""


def fake_run(space: Space, name: str = "我的模型", *, rows: bool = True) -> str:
    """A run folder with what a link needs, and perhaps what stands for its training rows."""
    run = new_id()
    bundle = space.folder / "runs" / run / "bundle"
    bundle.mkdir(parents=True)
    (bundle.parent / "about.json").write_text(json.dumps({"name": name}), encoding="utf-8")
    (bundle / "manifest.json").write_text("{}")
    (bundle / "labels.json").write_text('["好", "坏"]', encoding="utf-8")
    (bundle / "README.md").write_text(CARD, encoding="utf-8")
    (bundle.parent / "status.json").write_text("{}")
    if rows:
        (bundle.parent / "data").mkdir()
        (bundle.parent / "data" / "train.parquet").touch()
    return run


def fake_predict(bundle: Path, texts: Sequence[str]) -> list[Prediction]:
    return [Prediction(text, "好", 0.75, {"好": 0.75, "坏": 0.25}) for text in texts]


def fake_compare(run: Path, text: str) -> Neighbours:
    """One row of the run, whose text is secret."""
    found = [Neighbour("坏", 0.987654, SECRET, 2)] if text.strip() else []
    return Neighbours(found, 3, 3, 3)


def with_fake_models(settings: Settings) -> Services:
    services = Services(settings)
    services.__dict__["links"] = PublicLinks(services, fake_predict, fake_compare)
    return services


def status(links: PublicLinks, *args: object, **options: object) -> int:
    """200, or the status of the refusal."""
    try:
        links.predict(*args, **options)
    except LinkError as error:
        return error.status
    return 200


@pytest.fixture
def no_consumer(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is submitted stays in the queue."""
    monkeypatch.setattr(queue, "ensure_consumer", lambda _: None)


@pytest.fixture
def app(tmp_path: Path) -> Services:
    return Services(Settings(data_dir=tmp_path / "data", max_queued=2))


@pytest.fixture
def space(app: Services) -> Space:
    return app.space(new_key())


@pytest.fixture
def dataset(space: Space, labelled: Path) -> str:
    return space.add_upload(labelled, "评论.csv").id


@pytest.fixture
def scores() -> np.ndarray:
    """Of the test rows of `decided_runs`; imported here, as a program that imports this file needs none of it."""
    from tests.services.decided_runs import TRUTH
    from tests.services.made_runs import answers

    return answers(TRUTH, 3, seed=1, right=0.7).astype(np.float32)


@pytest.fixture
def linked(tmp_path: Path) -> Services:
    """Use cases whose links answer without a model."""
    return with_fake_models(Settings(data_dir=tmp_path / "data", max_request_texts=3, max_request_characters=100))


@pytest.fixture
def owner(linked: Services) -> Space:
    return linked.space(new_key())


@pytest.fixture
def run(owner: Space) -> str:
    return fake_run(owner)
