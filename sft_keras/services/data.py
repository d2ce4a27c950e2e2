"""The use cases around a file: samples, checking, mending a copy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sft_keras.config import RunConfig
from sft_keras.services.base import Installation
from sft_keras.training.progress import Silent

if TYPE_CHECKING:
    import numpy as np

    from sft_keras.data.checks import DataReport
    from sft_keras.data.columns import Columns
    from sft_keras.data.examples import Examples
    from sft_keras.data.fixes import Fixed
    from sft_keras.data.readers import Table
    from sft_keras.settings import Settings


@dataclass(frozen=True)
class SampleInfo:
    """A sample data set and whether its texts are here."""

    name: str
    title: str
    language: str
    source: str
    licence: str
    available: bool


@dataclass(frozen=True)
class CheckResult:
    """What is in a file: how it was read, which columns were chosen and why, and what was found."""

    source: str
    columns: Columns
    notes: tuple[str, ...]
    report: DataReport

    def to_dict(self) -> dict[str, Any]:
        """One flat object for programs."""
        columns = {"text": self.columns.text, "label": self.columns.label, "reasons": list(self.columns.reasons)}
        return {"source": self.source, "columns": columns, "notes": list(self.notes), **self.report.to_dict()}


@dataclass(frozen=True)
class FixResult:
    """A mended copy of a file: what was changed, what a check of the copy finds, and where it was written."""

    fixed: Fixed
    report: DataReport
    out: Path | None
    changes: Path | None

    def to_dict(self) -> dict[str, Any]:
        """What was done, in figures, and what is left to do."""
        left = self.report.to_dict()
        return {
            "out": None if self.out is None else str(self.out),
            "changes": None if self.changes is None else str(self.changes),
            "dropped": sum(change.action == "dropped" for change in self.fixed.changes),
            "changed": sum(change.action == "changed" for change in self.fixed.changes),
            "kinds": self.fixed.counts(),
            **{key: left[key] for key in ("rows", "usable_rows", "class_counts", "findings", "ok")},
        }


class DataServices(Installation):
    """Looking at labelled files."""

    def samples(self) -> list[SampleInfo]:
        """The sample data sets."""
        from sft_keras.data.samples import SAMPLES, is_available

        return [
            SampleInfo(s.name, s.title, s.language, s.source, s.licence, is_available(s.name, self.settings))
            for s in SAMPLES.values()
        ]

    def download_samples(self, names: Sequence[str] = (), log: Callable[[str], None] = lambda _: None) -> None:
        """Brings the texts of the named samples, or of all; see `data.samples.fetch_samples`."""
        from sft_keras.data.samples import fetch_samples

        fetch_samples(self.settings, list(names) or None, log)

    def check(
        self, data: str, config: RunConfig, *, validation: str | None = None, test: str | None = None
    ) -> CheckResult:
        """What is in a file and what would get in the way of a training.

        Args:
            data: A path or `sample:NAME`.
            config: Says which columns are used, and what they are checked for.
            validation: A path with validation rows that go with it.
            test: A path with test rows that go with it.

        Raises:
            DataError: A file cannot be read, or its columns cannot be told.
        """
        from sft_keras.runs.prepare import read_columns

        table, columns = read_columns(data, config, self.settings)
        parts = self._parts(config, validation, test)
        return CheckResult(table.source, columns, table.notes, self._report(table, columns, config, parts))

    def fix(
        self,
        data: str,
        config: RunConfig,
        *,
        kinds: Sequence[str] | None = None,
        validation: str | None = None,
        test: str | None = None,
        out: Path | None = None,
        force: bool = False,
    ) -> FixResult:
        """Mends a copy of a file; the file itself is not touched.

        Args:
            data: A path or `sample:NAME`.
            config: Says which columns are used, and what the copy is checked for.
            kinds: What to mend, see `data.fixes.fix_table`; all if None.
            validation: A path with validation rows, which are taken out of the copy.
            test: A path with test rows, which are taken out of the copy.
            out: Where the copy goes, .csv, .tsv or .jsonl by its ending, with a list of the changes beside it;
                nothing is written if None.
            force: Files that are there may be replaced, but never those that are read.

        Raises:
            SftError: A file cannot be read or written, no row would be left, or there is no such kind.
        """
        from sft_keras.data.fixed_copy import require_free, write_copy
        from sft_keras.data.fixes import fix_table
        from sft_keras.runs.prepare import read_columns

        if out is not None:
            require_free(out, [each for each in (data, validation, test) if each], force=force)
        table, columns = read_columns(data, config, self.settings)
        parts = self._parts(config, validation, test)
        fixed = fix_table(table, columns, kinds=kinds, parts=parts)
        report = self._report(fixed.table, columns, config, parts)
        return FixResult(fixed, report, out, None if out is None else write_copy(fixed, out, force=force))

    def _parts(self, config: RunConfig, validation: str | None, test: str | None) -> dict[str, Examples]:
        from sft_keras.runs.prepare import read_examples

        given = {"validation": validation, "test": test}
        return {name: read_examples(path, config, self.settings, Silent()) for name, path in given.items() if path}

    def _report(self, table: Table, columns: Columns, config: RunConfig, parts: dict[str, Examples]) -> DataReport:
        return data_report(table, columns, config, self.settings, parts)


def data_report(
    table: Table,
    columns: Columns,
    config: RunConfig,
    settings: Settings,
    parts: Mapping[str, Examples],
    *,
    quick: bool = False,
    on_tokens: Callable[[np.ndarray], None] = lambda _: None,
) -> DataReport:
    """Looks the rows over, with the tokens of the backbone that the settings mean.

    Args:
        table: The rows.
        columns: Which columns hold texts and labels.
        config: Says which backbone, and how alike near-duplicates are.
        settings: Gives the limits.
        parts: The rows of the files for "validation" and "test".
        quick: A large file is looked at in part, and Keras is not loaded: without a tokenizer at hand, lengths are
            told in characters.
        on_tokens: Hears how many tokens the measured texts have.
    """
    from sft_keras.data.checks import check_examples
    from sft_keras.modeling.backbone_choice import AUTO, choose_backbone
    from sft_keras.modeling.backbones.base import known_presets, resolve_backbone

    name = config.model.backbone
    if name == AUTO:
        name, _ = choose_backbone(list(table.frame[columns.text]))
    known = known_presets().get(name)
    # Nothing is downloaded for a check: without the tokenizer, lengths are told in characters.
    here = known is not None and known[0].is_here(known[1])

    def count_tokens(texts: list[str]) -> np.ndarray | None:
        backbone = resolve_backbone(name)
        make = backbone.family.light_tokenizer if quick else backbone.family.tokenizer
        tokenizer = make(backbone.location, config.model, texts)
        if tokenizer is None:
            return None
        numbers = tokenizer.count(texts)
        on_tokens(numbers)
        return numbers

    return check_examples(
        table,
        columns,
        settings,
        token_counter=count_tokens if here else None,
        max_length=config.model.max_length,
        languages=known[1].languages if known else None,
        similarity=config.data.near_duplicate_similarity,
        parts=parts,
        quick=quick,
    )
