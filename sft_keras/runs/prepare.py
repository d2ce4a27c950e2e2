"""From a file, a sample or rows in memory to a run folder with divided rows; nothing is trained yet."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from sft_keras.artifacts.bundle import Bundle
from sft_keras.artifacts.further import bundle_named, config_from
from sft_keras.config import RunConfig
from sft_keras.data.assignment import limit_rows
from sft_keras.data.columns import Columns, choose_columns
from sft_keras.data.corrections import (
    Corrections,
    correct,
    corrections_from_json,
    corrections_from_table,
    corrections_to_json,
)
from sft_keras.data.examples import Examples, examples_from_table, require_trainable
from sft_keras.data.findings import language_findings
from sft_keras.data.readers import Table, read_table
from sft_keras.data.samples import SAMPLE_PREFIX, load_sample
from sft_keras.data.splits import Splits, split_given
from sft_keras.errors import ConfigError, DataError
from sft_keras.json_files import read_json, write_json
from sft_keras.modeling.backbone_choice import AUTO, choose_backbone
from sft_keras.modeling.backbones.base import known_presets, resolve_backbone
from sft_keras.places import given_path
from sft_keras.runs.directory import RunDirectory
from sft_keras.settings import Settings
from sft_keras.training.progress import ProgressSink

Source = str | Table | Examples
PARTS = ("train", "validation", "test")
NOTES = "notes.json"
CORRECTED = "corrections.json"


def read_data(data: str | Table, settings: Settings) -> Table:
    """The table behind a path or `sample:NAME`; a table is returned as it is.

    Raises:
        DataError: It cannot be read.
    """
    if isinstance(data, Table):
        return data
    if data.startswith(SAMPLE_PREFIX):
        return load_sample(data.removeprefix(SAMPLE_PREFIX), settings)
    return read_table(given_path(data, "data"), settings)


def read_corrections(file: Path, settings: Settings) -> Corrections:
    """Corrections of labels from a file with the columns `text`, `label` and `new_label`.

    Raises:
        DataError: It cannot be read, or a row of it cannot be used.
    """
    return corrections_from_table(read_table(given_path(file, "corrections"), settings))


def read_columns(data: str | Table, config: RunConfig, settings: Settings) -> tuple[Table, Columns]:
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


def read_examples(data: Source, config: RunConfig, settings: Settings, sink: ProgressSink) -> Examples:
    """The usable rows; the sink hears how the file was read and what was left out.

    Args:
        data: A path, `sample:NAME`, a table, or examples, which are returned as they are.
        config: Says which columns to take; found if it does not.
        settings: Gives the limits.
        sink: Hears what was chosen and why.

    Raises:
        DataError: The file, a column or a value cannot be used.
    """
    if isinstance(data, Examples):
        return data
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


@dataclass(frozen=True, eq=False)
class Prepared:
    """Divided rows, the configuration with what was chosen for them, and what was told on the way."""

    config: RunConfig
    splits: Splits
    messages: tuple[str, ...]


def divide(
    config: RunConfig,
    settings: Settings,
    *,
    data: Source,
    validation: Source | None,
    test: Source | None,
    sink: ProgressSink,
    corrections: Corrections | None = None,
) -> Prepared:
    """Reads, checks and divides the data.

    Args:
        config: The resolved configuration.
        settings: Gives the limits.
        data: A path, `sample:NAME`, a table, or examples.
        validation: The validation rows, likewise; cut from `data` if None.
        test: The test rows, likewise; if None, cut from `data`, or left out where `data.test_fraction` is 0.
        sink: Hears what was chosen and why.
        corrections: Laid over the training and the validation part once the rows are divided, so that the test part
            is the same with and without them.

    Raises:
        SftError: The data, the configuration or the corrections cannot be used.
    """
    told = Remembering(sink)
    examples = read_examples(data, config, settings, told)
    seed = config.training.seed
    if config.data.max_rows and len(examples) > config.data.max_rows:
        examples = limit_rows(examples, config.data.max_rows, seed)
        told.event("log", message=f"Drew {len(examples)} rows (data.max_rows) with seed {seed}.")
    cut = {"training": True, "validation": validation is None, "test": test is None and config.data.test_fraction > 0}
    require_trainable(examples, parts=[name for name, is_cut in cut.items() if is_cut])
    if config.model.backbone == AUTO:
        name, reason = choose_backbone(examples.texts)
        told.event("log", message=reason)
        config = config.model_copy(update={"model": config.model.model_copy(update={"backbone": name})})
    config, begun = _resolve(config)
    splits = split_given(
        examples,
        read_examples(validation, config, settings, told) if validation is not None else None,
        read_examples(test, config, settings, told) if test is not None else None,
        known_labels=begun.labels.names if begun else (),
        validation_fraction=config.data.validation_fraction,
        test_fraction=config.data.test_fraction,
        seed=seed,
        similarity=config.data.near_duplicate_similarity,
    )
    if corrections:
        splits = correct(splits, corrections, known_labels=begun.labels.names if begun else ())
    labels = {*splits.train.labels, *(begun.labels.names if begun else ())}
    usual, config = config.for_many_rows().training, config.for_rows(len(splits.train), len(labels))
    if config.training != usual:
        few = f"{len(splits.train)} training rows make few updates in an epoch for {len(labels)} labels"
        told.event("log", message=f"Epochs: {config.training.epochs} in place of {usual.epochs}, since {few}.")
    known = known_presets().get(str(begun.information.get("backbone")) if begun else config.model.backbone)
    foreign = language_findings(examples.texts, known[1].languages if known else None)
    more = [*_labels_without_rows(begun, splits.train), *(f"{f.message} {f.consequence}" for f in foreign)]
    splits = replace(splits, notes=(*splits.notes, *more))
    sizes = [f"{len(part)} {'training' if name == 'train' else name}" for name, part in splits.parts.items()]
    for note in (*splits.notes, f"Rows: {', '.join(sizes)}."):
        told.event("log", message=note)
    return Prepared(config, splits, tuple(told.messages))


def prepare_run(
    folder: Path,
    config: RunConfig,
    settings: Settings,
    *,
    data: Source,
    validation: Source | None,
    test: Source | None,
    sink: ProgressSink,
    corrections: Corrections | None = None,
) -> RunDirectory:
    """Reads and divides the data and makes the run folder; the arguments are those of `divide`.

    Args:
        folder: The run folder; nothing may be there but an empty folder.
        config: The resolved configuration.
        settings: Gives the limits.
        data: A path, `sample:NAME`, a table, or examples.
        validation: The validation rows, likewise.
        test: The test rows, likewise.
        sink: Hears what was chosen and why; the run's log gets the same words.
        corrections: Corrections of labels.

    Raises:
        SftError: The data, the configuration or the folder cannot be used.
    """
    RunDirectory.require_free(folder)  # before the long work
    prepared = divide(config, settings, data=data, validation=validation, test=test, sink=sink, corrections=corrections)

    def fill(run: RunDirectory) -> None:
        save_splits(run, prepared.splits)
        for message in prepared.messages:
            run.log(message)

    told_as = data if isinstance(data, str) else data.source
    return RunDirectory.create(folder, prepared.config, data=told_as, fill=fill)


def _resolve(config: RunConfig) -> tuple[RunConfig, Bundle | None]:
    """Makes sure that the backbone exists; for a bundle, the settings that follow it, and the bundle.

    Raises:
        ConfigError: There is no such backbone, or a setting contradicts the bundle.
        ArtifactError: The bundle is damaged.
    """
    bundle = bundle_named(config.model.backbone)
    if bundle is not None:
        return config_from(bundle, config), bundle
    resolve_backbone(config.model.backbone)
    if config.model.bundle_sha256 is not None:
        raise ConfigError(
            f'model.bundle_sha256 is for bundles. Received: model.backbone="{config.model.backbone}"',
            where="model.bundle_sha256",
            fix="Leave it out, or give the folder of the bundle as model.backbone.",
        )
    return config, None


def _labels_without_rows(begun: Bundle | None, train: Examples) -> list[str]:
    absent = sorted(set(begun.labels.names) - set(train.labels)) if begun else []
    if not absent:
        return []
    return [
        f"{len(absent)} label(s) of the bundle have no training row: {', '.join(absent[:10])}. The model keeps them, "
        "but may tell them less well than before."
    ]


def save_splits(run: RunDirectory, splits: Splits) -> None:
    """Keeps the divided rows in the run folder, and what a reader of the score should know of the division.

    They appear all at once: a run whose rows are there is prepared.
    """
    temporary = run.path / ".data.part"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    for name, part in splits.parts.items():
        part.to_parquet(temporary / f"{name}.parquet")
    (temporary / NOTES).write_text(json.dumps(splits.notes, ensure_ascii=False), encoding="utf-8")
    if splits.corrections:
        write_json(temporary / CORRECTED, corrections_to_json(splits.corrections))
    temporary.rename(run.data)


def corrections_of(run: RunDirectory) -> Corrections:
    """The corrections of labels that the rows of a run were given, by `correction_key`.

    Raises:
        DataError: The file is damaged.
    """
    path = run.data / CORRECTED
    return corrections_from_json(read_json(path), where=CORRECTED) if path.is_file() else {}


def load_splits(run: RunDirectory) -> Splits:
    """What `save_splits` kept.

    Raises:
        DataError: A part is missing or damaged.
    """
    tested = (run.data / "test.parquet").is_file() or run.config().data.test_fraction > 0
    names = PARTS if tested else PARTS[:-1]
    parts = {name: Examples.from_parquet(run.data / f"{name}.parquet") for name in names}
    try:
        notes = json.loads((run.data / NOTES).read_text(encoding="utf-8")) if (run.data / NOTES).is_file() else []
        return Splits(parts["train"], parts["validation"], parts.get("test"), notes=tuple(map(str, notes)))
    except (OSError, ValueError, TypeError, RecursionError):
        raise DataError(
            "The notes on the division of the rows are damaged.",
            where=str(run.data / NOTES),
            fix="Delete that file and resume: only the notes in the report are lost.",
        ) from None
