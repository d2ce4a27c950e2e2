"""From a file or a sample to a run folder with divided rows; nothing is trained yet."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from sft_keras.config import RunConfig
from sft_keras.data.columns import Columns, choose_columns
from sft_keras.data.examples import Examples, examples_from_table, require_trainable
from sft_keras.data.findings import language_findings
from sft_keras.data.readers import Table, read_table
from sft_keras.data.samples import SAMPLE_PREFIX, load_sample
from sft_keras.data.splits import Splits, limit_rows, split_given
from sft_keras.errors import DataError
from sft_keras.modeling.backbone_choice import AUTO, choose_backbone
from sft_keras.modeling.backbones.base import known_presets, resolve_backbone
from sft_keras.runs.directory import RunDirectory
from sft_keras.settings import Settings
from sft_keras.training.progress import ProgressSink

PARTS = ("train", "validation", "test")
NOTES = "notes.json"


def read_data(data: str, settings: Settings) -> Table:
    """The table behind a path or `sample:NAME`.

    Raises:
        DataError: It cannot be read.
    """
    if data.startswith(SAMPLE_PREFIX):
        return load_sample(data.removeprefix(SAMPLE_PREFIX), settings)
    return read_table(Path(data).expanduser(), settings)


def read_columns(data: str, config: RunConfig, settings: Settings) -> tuple[Table, Columns]:
    """The table and the columns that are used.

    Raises:
        DataError: The file cannot be read, or its columns cannot be told.
    """
    table = read_data(data, settings)
    wanted = config.data
    columns = choose_columns(
        table.frame,
        text=wanted.text_column,
        label=wanted.label_column,
        weight=wanted.weight_column,
        source=table.source,
    )
    return table, columns


def read_examples(data: str, config: RunConfig, settings: Settings, sink: ProgressSink) -> Examples:
    """The usable rows; the sink hears how the file was read and what was left out.

    Raises:
        DataError: The file, a column or a value cannot be used.
    """
    table, columns = read_columns(data, config, settings)
    examples, notes = examples_from_table(table, columns, settings)
    for note in (*table.notes, *columns.reasons, *notes):
        sink.event("log", message=note)
    return examples


class Remembering:
    """Passes events on and keeps the words, for a log or a report that does not exist yet."""

    def __init__(self, sink: ProgressSink) -> None:
        self._sink = sink
        self.messages: list[str] = []

    def event(self, kind: str, **values: object) -> None:
        """Passes the event on."""
        if kind == "log":
            self.messages.append(str(values["message"]))
        self._sink.event(kind, **values)


def prepare_run(
    folder: Path,
    config: RunConfig,
    settings: Settings,
    *,
    data: str,
    validation: str | None,
    test: str | None,
    sink: ProgressSink,
) -> RunDirectory:
    """Reads and divides the data and makes the run folder.

    Args:
        folder: The run folder; nothing may be there but an empty folder.
        config: The resolved configuration.
        settings: Gives the limits.
        data: A path or `sample:NAME`.
        validation: A path with validation rows; cut from `data` if None.
        test: A path with test rows; cut from `data` if None.
        sink: Hears what was chosen and why; the run's log gets the same words.

    Raises:
        SftError: The data, the configuration or the folder cannot be used.
    """
    RunDirectory.require_free(folder)  # before the long work
    told = Remembering(sink)
    examples = read_examples(data, config, settings, told)
    seed = config.training.seed
    if config.data.max_rows and len(examples) > config.data.max_rows:
        examples = limit_rows(examples, config.data.max_rows, seed)
        told.event("log", message=f"Drew {len(examples)} rows (data.max_rows) with seed {seed}.")
    require_trainable(examples, divided=not (validation and test))
    if config.model.backbone == AUTO:
        name, reason = choose_backbone(examples.texts)
        told.event("log", message=reason)
        config = config.model_copy(update={"model": config.model.model_copy(update={"backbone": name})})
    resolve_backbone(config.model.backbone)
    splits = split_given(
        examples,
        read_examples(validation, config, settings, told) if validation else None,
        read_examples(test, config, settings, told) if test else None,
        validation_fraction=config.data.validation_fraction,
        test_fraction=config.data.test_fraction,
        seed=seed,
        similarity=config.data.near_duplicate_similarity,
    )
    known = known_presets().get(config.model.backbone)
    foreign = language_findings(examples.texts, known[1].languages if known else None)
    splits = replace(splits, notes=(*splits.notes, *(f"{f.message} {f.consequence}" for f in foreign)))
    sizes = f"{len(splits.train)} training, {len(splits.validation)} validation, {len(splits.test)} test"
    for note in (*splits.notes, f"Rows: {sizes}."):
        told.event("log", message=note)

    def fill(run: RunDirectory) -> None:
        save_splits(run, splits)
        for message in told.messages:
            run.log(message)

    return RunDirectory.create(folder, config, data=data, fill=fill)


def save_splits(run: RunDirectory, splits: Splits) -> None:
    """Keeps the divided rows in the run folder, and what a reader of the score should know of the division."""
    for name in PARTS:
        getattr(splits, name).to_parquet(run.data / f"{name}.parquet")
    (run.data / NOTES).write_text(json.dumps(splits.notes, ensure_ascii=False), encoding="utf-8")


def load_splits(run: RunDirectory) -> Splits:
    """What `save_splits` kept.

    Raises:
        DataError: A part is missing or damaged.
    """
    parts = {name: Examples.from_parquet(run.data / f"{name}.parquet") for name in PARTS}
    try:
        notes = json.loads((run.data / NOTES).read_text(encoding="utf-8")) if (run.data / NOTES).is_file() else []
        return Splits(**parts, notes=tuple(map(str, notes)))
    except (OSError, ValueError, TypeError, RecursionError):
        raise DataError(
            "The notes on the division of the rows are damaged.",
            where=str(run.data / NOTES),
            fix="Delete that file and resume: only the notes in the report are lost.",
        ) from None
