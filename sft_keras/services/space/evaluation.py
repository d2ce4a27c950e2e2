"""How good a run is, in the pieces that a page shows."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sft_keras.errors import ArtifactError, DataError, SftError
from sft_keras.services.space.evaluation_views import ComparisonView, RowView, ThresholdView
from sft_keras.services.space.predictions import PredictionSpace

if TYPE_CHECKING:
    import numpy as np

    from sft_keras.config import RunConfig
    from sft_keras.runs.directory import RunDirectory
    from sft_keras.runs.tested import TestedRows

__all__ = ["ComparisonView", "EvaluationSpace", "RowView", "ThresholdView"]

_CHUNK = 256
"""Texts that are scored between two reports of progress."""


class EvaluationSpace(PredictionSpace):
    """Evaluation. All errors are `SftError`; none names a place on this machine."""

    def report(self, run: str) -> dict[str, Any]:
        """The content of `report.json`, checked.

        Raises:
            ArtifactError: There is no report yet, nothing was scored, or the report is damaged.
        """
        from sft_keras.evaluation.content import read_content
        from sft_keras.runs.reports import load_report

        with self._reading(run) as folder:
            values = load_report(folder)
            read_content(values, where="report.json")
        return dict(values)

    def report_config(self, run: str) -> RunConfig:
        """The settings that the model was made with, with what the run chose by itself."""
        from sft_keras.runs.directory import RunDirectory
        from sft_keras.runs.reports import settled_config

        place = self.place("runs", run)
        with _without_place(place, ""):
            return settled_config(RunDirectory(place))

    def report_page(self, run: str, *, language: str = "en", texts: bool = False) -> str:
        """The report as one HTML page.

        Args:
            run: The run.
            language: "en" or "zh", which is shown first.
            texts: Whether test texts that got a wrong label are shown.
        """
        from sft_keras.runs.reports import report_page

        with self._reading(run) as folder:
            return report_page(folder.path, language=language, texts=texts)

    def report_file(self, run: str, *, language: str = "en", texts: bool = False) -> tuple[Path, str]:
        """The same as a file in the run's folder, and the name to save it under."""
        from sft_keras.runs.reports import data_title

        page = self.report_page(run, language=language, texts=texts)
        with self._reading(run) as folder:
            # Beside the other texts of the run: it may hold some.
            file = folder.data / f"page-{language}{'-texts' * texts}.html"
            temporary = file.with_suffix(f".{secrets.token_hex(4)}.part")
            try:
                temporary.write_text(page, encoding="utf-8")
                temporary.replace(file)
            finally:
                temporary.unlink(missing_ok=True)
            return file, f"{data_title(folder.status().data) or 'report'}-report.html"

    def report_sections(
        self, run: str, *, language: str = "en", content: Mapping[str, Any] | None = None
    ) -> dict[str, str]:
        """The sections of the report as HTML by name; numbers of rows are buttons that bear the indices of two labels.

        Args:
            run: The run.
            language: Their language.
            content: What `evaluate_file` gave, in place of the report of the run; it has no buttons.
        """
        from sft_keras.evaluation.content import read_content
        from sft_keras.evaluation.page import render_sections

        def make() -> dict[str, str]:
            values = self.report(run) if content is None else content
            return render_sections(
                read_content(values, where="report.json"),
                self.report_config(run),
                language=language,
                choosable=content is None,
                ids="" if content is None else "file-",
            )

        if content is not None:
            return make()
        # Drawing takes a second on a busy machine, and the page is opened again and again.
        with self._reading(run) as folder:
            file = folder.report / "report.json"
            key = ("sections", str(file), file.stat().st_mtime_ns, language)
        return self.installation.memory.get(key, make)

    def cell_rows(self, run: str, truth: str, predicted: str, *, most: int = 100) -> list[RowView]:
        """The test rows of a cell of the confusion matrix, most confident first."""
        tested = self._tested(run)
        if not {truth, predicted} <= set(tested.names):
            raise DataError("There is no such label.", fix="Choose a cell of the table.")
        cell = (tested.truth == tested.names.index(truth)) & (tested.predicted == tested.names.index(predicted))
        return _rows(tested, cell, most)

    def mistakes(self, run: str, *, most: int = 20) -> list[RowView]:
        """The most confident mistakes."""
        tested = self._tested(run)
        return _rows(tested, tested.truth != tested.predicted, most)

    def threshold(self, run: str, threshold: float) -> ThresholdView:
        """The effect of a confidence threshold on the test part."""
        return self._thresholds(run, [threshold])[0]

    def threshold_curve(self, run: str) -> list[ThresholdView]:
        """The same from 0 to 1, in steps of 0.01."""
        from sft_keras.evaluation.thresholds import even_thresholds

        return self._thresholds(run, even_thresholds())

    def compare(
        self, first: str, second: str, *, language: str = "en", names: tuple[str, str] = ("", "")
    ) -> ComparisonView:
        """Two runs on the test rows that both have: the same texts with the same labels.

        Args:
            first: A run.
            second: Another.
            language: That of the verdict.
            names: What the two are called in the verdict.

        Raises:
            DataError: They are the same run, or share fewer than ten test rows.
        """
        from sft_keras.evaluation.catalogue import catalogue
        from sft_keras.evaluation.pairs import compare_answers, pair_verdict, shared_rows

        if first == second:
            raise DataError("A run cannot be compared with itself.", fix="Choose two different runs.")
        both = [self._tested(run) for run in (first, second)]
        own, other = shared_rows(*(list(zip(each.texts, each.labels, strict=True)) for each in both))
        answers = [[each.names[i] for i in each.predicted[rows]] for each, rows in zip(both, (own, other), strict=True)]
        pair = compare_answers([both[0].labels[i] for i in own], *answers)
        words, found = catalogue(language), pair.difference
        titles = [name or words(f"pair.{place}") for name, place in zip(names, ("first", "second"), strict=True)]
        return ComparisonView(
            rows=found.rows,
            first=pair.first,
            second=pair.second,
            difference=found.value,
            low=found.value if found.low is None else found.low,
            high=found.value if found.high is None else found.high,
            p_value=pair.p_value,
            only_first=pair.only_first,
            only_second=pair.only_second,
            verdict=pair_verdict(pair, first=titles[0], second=titles[1], words=words),
        )

    def evaluate_file(
        self,
        run: str,
        path: Path,
        name: str,
        *,
        text_column: str | None = None,
        label_column: str | None = None,
        progress: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> dict[str, Any]:
        """Scores the model of a run on another labelled file; content as in `report.json`, without baselines.

        Args:
            run: The run.
            path: The file.
            name: What its owner calls it, for messages.
            text_column: Column with the texts; found if left out.
            label_column: Column with the labels; found if left out.
            progress: Hears how many of how many texts are done.
        """
        import numpy as np

        from sft_keras.artifacts.bundle import read_bundle
        from sft_keras.data.readers import read_table
        from sft_keras.services.scoring import score_file

        place = self.place("runs", run)
        if not (place / "bundle").is_dir():
            raise ArtifactError("This run has no model yet.", fix="Wait until its first epoch is done, or resume it.")
        with _without_place(place, ""), _without_place(path, name):
            checked = read_bundle(place / "bundle")

            def probabilities(texts: Sequence[str]) -> np.ndarray:
                result = np.empty((len(texts), len(checked.labels)), dtype=np.float64)
                for start in range(0, len(texts), _CHUNK):
                    progress(start, len(texts))
                    for row, answer in enumerate(self.predict(run, texts[start : start + _CHUNK]), start):
                        result[row] = [answer.probabilities[label] for label in checked.labels.names]
                progress(len(texts), len(texts))
                return result

            table = replace(read_table(path, self.settings), source=name)
            return score_file(
                checked, table, probabilities, self.settings, text_column=text_column, label_column=label_column
            )

    @contextlib.contextmanager
    def _reading(self, run: str) -> Iterator[RunDirectory]:
        """The run's folder, once there is a report in it."""
        from sft_keras.runs.directory import RunDirectory

        place = self.place("runs", run)
        with _without_place(place, ""):
            folder = RunDirectory(place)
            if not (folder.report / "report.json").is_file():
                if folder.status().state == "finished":
                    raise ArtifactError(
                        "The run has no test part, so nothing was scored.", fix="Score its model on a labelled file."
                    )
                raise ArtifactError("The run has no report yet.", fix="Wait until it is finished, or resume it.")
            yield folder

    def _tested(self, run: str) -> TestedRows:
        from sft_keras.runs.tested import load_tested

        with self._reading(run) as folder:
            return load_tested(folder)

    def _thresholds(self, run: str, thresholds: Any) -> list[ThresholdView]:
        from sft_keras.evaluation.thresholds import selective

        tested = self._tested(run)
        found = selective(tested.truth, tested.probabilities, thresholds)
        return [ThresholdView(each.threshold, each.coverage, each.accuracy, each.answered) for each in found]


def _rows(tested: TestedRows, chosen: Any, most: int) -> list[RowView]:
    return [RowView(each.text, each.label, each.predicted, each.confidence) for each in tested.where(chosen, most=most)]


@contextlib.contextmanager
def _without_place(place: Path, known_as: str) -> Iterator[None]:
    """Takes a place on this machine out of what is told of a failure, which may be shown to anybody."""
    try:
        yield
    except SftError as error:
        for name in ("problem", "where", "fix"):
            told = getattr(error, name).replace(f"{place}/", known_as and f"{known_as}/").replace(f"{place}", known_as)
            setattr(error, name, told)
        raise
