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
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sft_keras.artifacts.bundle import MODEL, Bundle, file_sha256
from sft_keras.data.drawn import drawn_rows
from sft_keras.data.duplicates import normal_text
from sft_keras.data.examples import Examples
from sft_keras.errors import DataError
from sft_keras.inference.explain import MOST_CHARACTERS
from sft_keras.inference.features import FeaturePredictor
from sft_keras.inference.neighbours import COUNT, Neighbour, Neighbours, require_count
from sft_keras.json_files import beside
from sft_keras.settings import MIB

FOLDER = "features"
FORMAT = 1
MOST_ROWS = 20_000
CHUNK, SLICE, SLICE_SECONDS = 256, 16, 2.0
"""Rows in a part that is kept; those that are computed between two looks at the clock at first, and later as many as
take so many seconds: in larger batches of like length less is filled up."""
MOST_SHOWN = 300
"""Of a text, so many characters are shown."""
DIGITS = 6
"""Similarities that differ beyond these decimals differ by rounding only."""
STALE_SECONDS = 600.0
"""A file that is half written for so long was left by a kill."""


class TrainingFeatures:
    """The vectors of a run's training rows; for the process that has Keras.

    Args:
        predictor: Gives the vectors of texts.
        rows: The parquet file of the training rows.
        model: Tells the model: vectors of another one are thrown away.
        seed: Draws the order of the rows.
        min_free_mib: With less space on the disk, vectors are not kept.

    Raises:
        DataError: The rows are missing or damaged.
    """

    def __init__(
        self, predictor: FeaturePredictor, rows: Path, *, model: str, seed: int, min_free_mib: int = 0
    ) -> None:
        self._predictor = predictor
        self._rows = rows
        self._min_free_mib = min_free_mib
        self._drawn, self._total = drawn_rows(rows, most=MOST_ROWS, seed=seed, most_characters=MOST_CHARACTERS)
        self._group = _groups(self._drawn)
        sizes = f"{predictor.width} {MOST_ROWS} {CHUNK} {MOST_CHARACTERS}"
        told = f"{FORMAT} {model} {seed} {sizes} {self._drawn.fingerprint()}"
        self._folder = rows.parent / FOLDER / hashlib.sha256(told.encode()).hexdigest()[:16]
        self._chunks: list[np.ndarray] = []
        # Of the part that is being computed.
        self._slices: list[np.ndarray] = []
        self._row_seconds = 0.0

    @property
    def labels(self) -> frozenset[str]:
        """The labels of the rows."""
        return frozenset(self._drawn.labels)

    def prepare(
        self, seconds: float | None = None, tell: Callable[[int, int], None] = lambda _done, _all: None
    ) -> None:
        """Computes what is missing; what was kept before is read.

        Args:
            seconds: How long at most; all if None. The first few rows are there in any case.
            tell: Hears how many rows are ready, of how many.

        Raises:
            DataError: The rows were deleted meanwhile.
        """
        ends = None if seconds is None else time.monotonic() + seconds
        while len(self._chunks) * CHUNK < len(self._drawn):
            start = len(self._chunks) * CHUNK
            texts = self._drawn.texts[start : start + CHUNK]
            file = self._folder / f"{len(self._chunks):03}.npy"
            kept = self._kept(file, len(texts))
            if kept is None:
                if not self._compute(texts, ends, tell):
                    return
                kept = np.concatenate(self._slices)
                self._keep(file, kept)
            self._slices = []
            self._chunks.append(kept)
            tell(self._ready, len(self._drawn))

    def _compute(self, texts: list[str], ends: float | None, tell: Callable[[int, int], None]) -> bool:
        """Goes on with a part; returns whether all of it is there."""
        while (done := sum(map(len, self._slices))) < len(texts):
            if ends is not None and self._ready and time.monotonic() >= ends:
                return False
            if not self._rows.is_file():
                raise DataError("The training examples were deleted meanwhile.", fix="Choose another run.")
            began = time.monotonic()
            size = max(SLICE, int(SLICE_SECONDS / self._row_seconds)) if self._row_seconds else SLICE
            piece = texts[done : done + size]
            self._slices.append(_unit(self._predictor.outputs(piece)))
            self._row_seconds = (time.monotonic() - began) / len(piece)
            if done + size < len(texts):
                tell(self._ready, len(self._drawn))
        return True

    def nearest(self, text: str, count: int = COUNT) -> Neighbours:
        """The rows that are most like a text, among those that are ready.

        Args:
            text: The text; one that is empty, or that the model sees as nothing, is like none.
            count: How many, 1 to 20.

        Raises:
            InputValueError: The count is out of range.
        """
        require_count(count)
        ready = self._ready
        group = self._group[:ready]
        groups, first_of, times = np.unique(group, return_index=True, return_counts=True)
        of_label = Counter(self._drawn.labels[row] for row in first_of.tolist())
        none = Neighbours([], ready, len(self._drawn), self._total, dict(of_label))
        cut = text[:MOST_CHARACTERS]
        if not cut.strip() or not ready:
            return none
        vector = _unit(self._predictor.outputs([cut]))[0]
        if not vector.any():
            return none
        parts = [*self._chunks, *self._slices]
        similarity = np.concatenate([part @ vector for part in parts]).clip(-1.0, 1.0)
        same = np.fromiter((row.strip() == cut.strip() for row in self._drawn.texts[:ready]), bool)
        order = np.lexsort((~same, -similarity.round(DIGITS)))
        first = np.sort(np.unique(group[order], return_index=True)[1])[:count]
        occurs = dict(zip(groups.tolist(), times.tolist(), strict=True))
        found = [
            Neighbour(
                label=self._drawn.labels[row],
                similarity=round(float(similarity[row]), DIGITS),
                text=shortened(self._drawn.texts[row]),
                times=occurs[int(group[row])],
            )
            for row in order[first].tolist()
        ]
        return replace(none, found=found)

    @property
    def _ready(self) -> int:
        return sum(map(len, self._chunks)) + sum(map(len, self._slices))

    def _kept(self, file: Path, rows: int) -> np.ndarray | None:
        """The vectors of a part; None if they are not there, or whatever else is in their place."""
        try:
            kept: np.ndarray = np.load(file, mmap_mode="r", allow_pickle=False)
            fits = kept.shape == (rows, self._predictor.width) and kept.dtype == np.float32
            return kept if fits and bool(np.isfinite(kept).all()) else None
        except Exception:  # a damaged header is met with many kinds
            return None

    def _keep(self, file: Path, vectors: np.ndarray) -> None:
        with contextlib.suppress(OSError):  # they are computed once more the next time
            if shutil.disk_usage(self._rows.parent).free < self._min_free_mib * MIB:
                return
            # Never with parents: a run that is deleted meanwhile must not come back.
            self._folder.parent.mkdir(exist_ok=True)
            if not self._folder.is_dir():
                self._folder.mkdir(exist_ok=True)
                self._forget_others()
            with beside(file) as temporary, temporary.open("wb") as target:
                np.save(target, vectors, allow_pickle=False)
            for left in self._folder.glob(".*.part"):
                if time.time() - left.stat().st_mtime > STALE_SECONDS:
                    left.unlink(missing_ok=True)

    def _forget_others(self) -> None:
        """Deletes the vectors of other models, and nothing that somebody else put there."""
        for folder in self._folder.parent.iterdir():
            if folder != self._folder and re.fullmatch(r"[0-9a-f]{16}", folder.name):
                shutil.rmtree(folder, ignore_errors=True)


def training_features(bundle: Bundle, model: Any, rows: Path, *, min_free_mib: int = 0) -> TrainingFeatures:
    """The vectors of the rows that a model was trained with.

    Args:
        bundle: A checked bundle.
        model: Its Keras model, from named token inputs to logits.
        rows: The parquet file of the training rows.
        min_free_mib: With less space on the disk, vectors are not kept.

    Raises:
        DataError: The rows are missing or damaged, or those of another model.
    """
    made = TrainingFeatures(
        FeaturePredictor(bundle, model),
        rows,
        model=file_sha256(bundle.folder / MODEL),
        seed=bundle.config.training.seed,
        min_free_mib=min_free_mib,
    )
    if not made.labels <= set(bundle.labels.names):
        raise DataError(
            "The training examples beside this model have labels that it does not know.",
            where=str(rows),
            fix="Give the folder of the run that made the model.",
        )
    return made


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
