"""The training examples that a fine-tuned model sees as most like a text.

Alike means the cosine of the angle between two vectors that go into the head (`FeaturePredictor`): the penultimate
layer, in which rows that the model treats alike lie close together (Papernot and McDaniel 2018, "Deep k-Nearest
Neighbors", https://arxiv.org/abs/1803.04765). What is found resembles the text; it did not cause the answer.

The vectors of the rows are computed once, in parts of 256 rows that lie beside the rows of the run. The rows are taken
in an order drawn by the run's seed, so that those that are ready at any moment are a fair draw of all.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sft_keras.artifacts.bundle import MODEL, Bundle, file_sha256
from sft_keras.data.duplicates import normal_text
from sft_keras.data.examples import Examples
from sft_keras.inference.explain import MOST_CHARACTERS
from sft_keras.inference.features import FeaturePredictor
from sft_keras.inference.neighbours import COUNT, Neighbour, Neighbours, require_count
from sft_keras.json_files import beside

FOLDER = "features"
MOST_ROWS = 20_000
CHUNK = 256
MOST_SHOWN = 300
"""Of a text, so many characters are shown."""
DIGITS = 6
"""Similarities that differ beyond these decimals differ by rounding only."""


class TrainingFeatures:
    """The vectors of a run's training rows; for the process that has Keras.

    Args:
        predictor: Gives the vectors of texts.
        rows: The parquet file of the training rows.
        model: Tells the model: vectors of another one are thrown away.
        seed: Draws the order of the rows.

    Raises:
        DataError: The rows are missing or damaged.
    """

    def __init__(self, predictor: FeaturePredictor, rows: Path, *, model: str, seed: int) -> None:
        examples = Examples.from_parquet(rows)
        self._predictor = predictor
        self._total = len(examples)
        self._drawn = examples.take(np.random.default_rng(seed).permutation(len(examples))[:MOST_ROWS])
        self._group = _groups(self._drawn)
        told = f"{model} {seed} {predictor.width} {MOST_ROWS} {CHUNK} {self._drawn.fingerprint()}"
        self._folder = rows.parent / FOLDER / hashlib.sha256(told.encode()).hexdigest()[:16]
        self._chunks: list[np.ndarray] = []

    def prepare(
        self, seconds: float | None = None, tell: Callable[[int, int], None] = lambda _done, _all: None
    ) -> None:
        """Computes what is missing; what was kept before is read.

        Args:
            seconds: How long at most; all if None. One part is there in any case.
            tell: Hears how many rows are ready, of how many.
        """
        ends = None if seconds is None else time.monotonic() + seconds
        while self._ready < len(self._drawn):
            number = len(self._chunks)
            texts = self._drawn.texts[number * CHUNK : (number + 1) * CHUNK]
            file = self._folder / f"{number:03}.npy"
            kept = self._kept(file, len(texts))
            if kept is None:
                if ends is not None and self._chunks and time.monotonic() >= ends:
                    return
                kept = _unit(self._predictor.outputs([text[:MOST_CHARACTERS] for text in texts]))
                self._keep(file, kept)
            self._chunks.append(kept)
            tell(self._ready, len(self._drawn))

    def nearest(self, text: str, count: int = COUNT) -> Neighbours:
        """The rows that are most like a text, among those that are ready.

        Args:
            text: The text; an empty one is like nothing.
            count: How many, 1 to 20.

        Raises:
            InputValueError: The count is out of range.
        """
        require_count(count)
        if not text.strip() or not self._chunks:
            return Neighbours([], self._ready, len(self._drawn), self._total)
        vector = _unit(self._predictor.outputs([text[:MOST_CHARACTERS]]))[0]
        similarity = np.concatenate([chunk @ vector for chunk in self._chunks]).clip(-1.0, 1.0)
        same = np.fromiter((row.strip() == text.strip() for row in self._drawn.texts[: self._ready]), bool)
        order = np.lexsort((~same, -similarity.round(DIGITS)))
        group = self._group[: self._ready]
        first = np.sort(np.unique(group[order], return_index=True)[1])[:count]
        times = np.bincount(group)
        found = [
            Neighbour(
                label=self._drawn.labels[row],
                similarity=round(float(similarity[row]), DIGITS),
                text=shortened(self._drawn.texts[row]),
                times=int(times[group[row]]),
            )
            for row in order[first].tolist()
        ]
        return Neighbours(found, self._ready, len(self._drawn), self._total)

    @property
    def _ready(self) -> int:
        return sum(map(len, self._chunks))

    def _kept(self, file: Path, rows: int) -> np.ndarray | None:
        try:
            kept: np.ndarray = np.load(file, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        fits = isinstance(kept, np.ndarray) and kept.shape == (rows, self._predictor.width) and kept.dtype == np.float32
        return kept if fits and bool(np.isfinite(kept).all()) else None

    def _keep(self, file: Path, vectors: np.ndarray) -> None:
        with contextlib.suppress(OSError):  # on a full disk they are computed once more the next time
            if not self._folder.is_dir():
                shutil.rmtree(self._folder.parent, ignore_errors=True)  # of another model
                self._folder.mkdir(parents=True)
            with beside(file) as temporary, temporary.open("wb") as target:
                np.save(target, vectors, allow_pickle=False)


def training_features(bundle: Bundle, model: Any, rows: Path) -> TrainingFeatures:
    """The vectors of the rows that a model was trained with.

    Args:
        bundle: A checked bundle.
        model: Its Keras model, from named token inputs to logits.
        rows: The parquet file of the training rows.

    Raises:
        DataError: The rows are missing or damaged.
    """
    return TrainingFeatures(
        FeaturePredictor(bundle, model),
        rows,
        model=file_sha256(bundle.folder / MODEL),
        seed=bundle.config.training.seed,
    )


def shortened(text: str) -> str:
    """The beginning of a text, on one line."""
    line = " ".join(text[: 4 * MOST_SHOWN].split())
    is_all = len(text) <= 4 * MOST_SHOWN and len(line) <= MOST_SHOWN
    return line if is_all else f"{line[:MOST_SHOWN]}…"


def _groups(rows: Examples) -> np.ndarray:
    """int64 [rows], the same number for rows with the same text, once normalized, and the same label."""
    numbers: dict[tuple[str, str], int] = {}
    keys = zip(map(normal_text, rows.texts), rows.labels, strict=True)
    return np.fromiter((numbers.setdefault(key, len(numbers)) for key in keys), np.int64, count=len(rows))


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Rows of length 1, float32; a row of zeros stays one."""
    found = np.nan_to_num(vectors.astype(np.float32), posinf=0.0, neginf=0.0)
    length = np.linalg.norm(found, axis=1, keepdims=True)
    unit: np.ndarray = found / np.maximum(length, np.finfo(np.float32).tiny)
    return unit
