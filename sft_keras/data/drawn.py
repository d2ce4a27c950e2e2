"""Some rows of a saved part, drawn at random, without all of it as Python objects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sft_keras.data.examples import Examples, reading

COLUMNS = ("text", "label", "row", "weight")


def drawn_rows(path: Path, *, most: int, seed: int, most_characters: int) -> tuple[Examples, int]:
    """Rows that a model was trained with, in the order in which they are drawn.

    Args:
        path: What `Examples.to_parquet` wrote.
        most: How many at most.
        seed: Draws them.
        most_characters: Longer texts are cut.

    Returns:
        The rows, and of how many they were drawn: those of weight 0, which trained nothing, are left out.

    Raises:
        DataError: The file is missing, damaged, or was written by another program.
    """
    with reading(path):
        names = pq.read_schema(path).names
        table = pq.read_table(
            path, columns=[name for name in COLUMNS if name in names], page_checksum_verification=True
        )
        places = np.flatnonzero(table["weight"].to_numpy()) if "weight" in names else np.arange(len(table))
        order = np.random.default_rng(seed).permutation(len(places))[:most]
        drawn = table.take(places[order])
        rows = Examples(
            texts=pc.utf8_slice_codeunits(drawn["text"], 0, most_characters).to_pylist(),
            labels=drawn["label"].to_pylist(),
            weights=drawn["weight"].to_numpy().astype(np.float32) if "weight" in names else None,
            rows=drawn["row"].to_numpy(),
        )
    return rows, len(places)
