"""Corrections of labels: laid over the training and the validation part once the rows are divided.

The test part stays as it is, so that a training with corrections and one without are scored on the same rows.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sft_keras.data.duplicates import normal_text
from sft_keras.data.examples import Examples
from sft_keras.data.readers import Table
from sft_keras.data.splits import Splits
from sft_keras.errors import DataError, did_you_mean

COLUMNS = ("text", "label", "new_label")
FORMAT_VERSION = 1
SHOWN = 60
MOST_CHARACTERS = 300


@dataclass(frozen=True)
class Correction:
    """What a person decided about a row.

    Attributes:
        text: The text, or its beginning: for messages only.
        label: The label that it has.
        new_label: The label that it gets, the same one if it is right; None drops the row.
    """

    text: str
    label: str
    new_label: str | None

    @property
    def changes(self) -> bool:
        """Whether anything is to be done."""
        return self.new_label != self.label


Corrections = Mapping[str, Correction]
"""By `correction_key`."""


def correction_key(text: str, label: str) -> str:
    """What a row is known by: its text and the label that it has in the file."""
    return row_key(text_key(text), label)


def text_key(text: str) -> str:
    """SHA-256 of the normalized text, in hex; it stands for a text where only its beginning is kept."""
    return _sha256(normal_text(text))


def row_key(text: str, label: str) -> str:
    """SHA-256 of the `text_key` of a row and its label, in hex."""
    return _sha256(f"{text}\0{label.strip()}")


def made_by(text: str, label: str, corrections: Corrections) -> str | None:
    """The key of the correction that gave a row its label, or None.

    Args:
        text: The `text_key` of the row.
        label: The label that it has now.
        corrections: What was laid over the rows.
    """
    for before in sorted({each.label for each in corrections.values() if each.new_label == label and each.changes}):
        key = row_key(text, before)
        if key in corrections and corrections[key].new_label == label:
            return key
    return None


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def corrections_from_table(table: Table) -> dict[str, Correction]:
    """Reads corrections from a table with the columns `text`, `label` and `new_label`; an empty `new_label` drops.

    Raises:
        DataError: A column is missing, a row lacks a text or a label, or two rows contradict each other.
    """
    named = {str(name).strip().casefold(): name for name in table.frame.columns}
    missing = [name for name in COLUMNS if name not in named]
    if missing:
        raise DataError(
            f"The corrections lack the column(s) {', '.join(missing)}. Received: {', '.join(map(str, named.values()))}",
            where=table.source,
            fix="Give three columns: text, label (the one before), new_label (empty to drop the row).",
        )
    found: dict[str, Correction] = {}
    columns = (table.frame[named[name]].tolist() for name in COLUMNS)
    for row, (text, label, new) in enumerate(zip(*columns, strict=True), start=1):
        if not text.strip() or not label.strip():
            raise DataError(
                "A correction lacks its text or its label.",
                where=f"{table.source}, row {row}",
                fix="Fill in both: together they say which row is meant.",
            )
        made = Correction(text[:MOST_CHARACTERS], label.strip(), new.strip() or None)
        key = correction_key(text, label)
        if found.setdefault(key, made).new_label != made.new_label:
            raise DataError(
                f'Two corrections of one row contradict each other: "{_short(text)}" with the label "{label.strip()}".',
                where=f"{table.source}, row {row}",
                fix="Keep one of them.",
            )
    return found


def corrections_to_json(corrections: Corrections) -> dict[str, Any]:
    """For `corrections_from_json`."""
    return {"format_version": FORMAT_VERSION, "corrections": {key: vars(each) for key, each in corrections.items()}}


def corrections_from_json(content: object, *, where: str) -> dict[str, Correction]:
    """Reads what `corrections_to_json` gave.

    Raises:
        DataError: It is damaged, or from another version.
    """
    entries = content.get("corrections") if isinstance(content, dict) else None
    known = isinstance(content, dict) and content.get("format_version") == FORMAT_VERSION
    if not known or not isinstance(entries, dict) or not all(map(_is_entry, entries.values())):
        raise DataError("The corrections are damaged, or from another version.", where=where, fix="Make them again.")
    return {str(key): Correction(e["text"], e["label"], e["new_label"]) for key, e in entries.items()}


def correct(splits: Splits, corrections: Corrections, *, known_labels: Collection[str] = ()) -> Splits:
    """Lays corrections over the training and the validation part; the test part is the same object.

    Args:
        splits: The parts.
        corrections: What to change.
        known_labels: Labels that a row may get although the training part has none of them.

    Returns:
        The parts, with notes on what was done and on corrections that match no row.

    Raises:
        DataError: A new label is unknown, a label would have no training row left, or a part no row.
    """
    wanted = {key: each for key, each in corrections.items() if each.changes}
    labels = {*splits.train.labels, *known_labels}
    for each in wanted.values():
        if each.new_label is not None and each.new_label not in labels:
            raise DataError(
                f'A correction gives a label that the training rows do not have. Received: "{each.new_label}"',
                where=f'correction of "{_short(each.text)}"',
                fix=did_you_mean(each.new_label, labels),
            )
    made = {name: _corrected(part, wanted) for name, part in splits.parts.items() if name != "test"}
    (train, done, dropped), (validation, more_done, more_dropped) = made["train"], made["validation"]
    _require_classes(splits.train, train)
    if not len(validation):
        raise DataError("The corrections leave no row for validation.", fix="Drop fewer rows.")
    in_test = _matching(splits.test, wanted) if splits.test is not None else set()
    matched = {key for part in (splits.train, splits.validation) for key in _matching(part, wanted)}
    notes = [
        f"Corrections: {done + more_done} row(s) got another label and {dropped + more_dropped} were dropped, in the"
        " training and the validation part. The test part is as it was."
    ]
    if only_test := in_test - matched:
        notes.append(f"{len(only_test)} correction(s) are about rows of the test part, which is never changed.")
    if absent := [wanted[key] for key in wanted if key not in matched | in_test]:
        first = absent[0]
        notes.append(
            f'{len(absent)} correction(s) match no row; the first is "{_short(first.text)}" with the label'
            f' "{first.label}". Text and label before must be those of the file.'
        )
    return replace(splits, train=train, validation=validation, notes=(*splits.notes, *notes), corrections=wanted)


def _corrected(part: Examples, wanted: Corrections) -> tuple[Examples, int, int]:
    """The part, how many rows got another label, and how many were dropped."""
    labels, keep, done = list(part.labels), np.ones(len(part), bool), 0
    for row, key in enumerate(_keys(part, wanted)):
        if key not in wanted:
            continue
        new = wanted[key].new_label
        if new is None:
            keep[row] = False
        else:
            labels[row], done = new, done + 1
    found = replace(part, labels=labels).take(np.flatnonzero(keep))
    return found, done, int((~keep).sum())


def _matching(part: Examples, wanted: Corrections) -> set[str]:
    return {key for key in _keys(part, wanted) if key in wanted}


def _keys(part: Examples, wanted: Corrections) -> Iterable[str]:
    """The key of each row; nothing is computed for labels that no correction is about."""
    labels = {each.label for each in wanted.values()}
    return (
        correction_key(text, label) if label in labels else ""
        for text, label in zip(part.texts, part.labels, strict=True)
    )


def _require_classes(before: Examples, after: Examples) -> None:
    counts = Counter(before.labels)
    lost = sorted(set(counts) - set(after.labels))
    if lost:
        shown = ", ".join(f'"{label}" ({counts[label]} before)' for label in lost[:10])
        raise DataError(
            f"The corrections leave {len(lost)} label(s) without a training row: {shown}",
            where="corrections",
            fix="Take some of them back. To give up a label, change the file and start with it anew.",
        )


def _is_entry(entry: object) -> bool:
    return (
        isinstance(entry, dict)
        and all(isinstance(entry.get(name), str) for name in ("text", "label"))
        and isinstance(entry.get("new_label", 0), str | None)
    )


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
