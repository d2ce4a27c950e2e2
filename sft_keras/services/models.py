"""The use cases around a trained model: predicting, scoring, its report as a page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sft_keras.errors import DataError, SftError
from sft_keras.places import told_as
from sft_keras.services.base import Installation
from sft_keras.services.drift import Watching
from sft_keras.services.examples import COUNT, Neighbours, Verdict, require_count, require_rows, verdict_of
from sft_keras.settings import MIB

if TYPE_CHECKING:
    import numpy as np

    from sft_keras.inference.explain import Explanation, Method
    from sft_keras.inference.predictor import Predictor
    from sft_keras.tasks.base import Prediction

# What a visitor of a link may have read: the file, what it unpacks to (a workbook takes many times that as it is read),
# and its rows.
SMALL_FILE_MIB, SMALL_FILE_UNPACKED_MIB, SMALL_FILE_ROWS = 1, 4, 10_000


class ModelServices(Installation):
    """Using bundles."""

    def load(self, bundle: Path) -> Predictor:
        """A bundle's model, ready to predict; `bundle` may also be the run folder.

        Raises:
            ArtifactError: The bundle is missing, damaged, or from a newer version.
        """
        from sft_keras.inference.loading import load_predictor

        return load_predictor(bundle)

    def evaluate(
        self, bundle: Path, data: str, *, text_column: str | None = None, label_column: str | None = None
    ) -> dict[str, Any]:
        """Scores a bundle on a labelled file; the content is that of `report.json` without baselines.

        Raises:
            SftError: The bundle or the file cannot be used, or the file has a label that the model does not know.
        """
        from sft_keras.artifacts.bundle import read_bundle
        from sft_keras.inference.loading import quickest_predictor
        from sft_keras.services.scoring import score_file

        checked = read_bundle(bundle)

        def probabilities(texts: Sequence[str]) -> np.ndarray:
            # Only now: a file that cannot be used is told before the long work.
            return quickest_predictor(checked, alone=True).probabilities(texts)

        return score_file(
            checked, data, probabilities, self.settings, text_column=text_column, label_column=label_column
        )

    def report_html(self, place: Path, *, language: str | None = None, texts: bool = False) -> str:
        """The report of a finished run or of a bundle as one HTML page, in every language, without a script.

        Args:
            place: The folder of the run, or the bundle.
            language: "en" or "zh", which is shown first; that of this machine's locale if left out.
            texts: Whether to show test texts with wrong labels. Only a run holds them.

        Raises:
            ArtifactError: There is no report, or it is damaged.
            ConfigError: There is no such language.
        """
        from sft_keras.runs.reports import report_page

        return report_page(place, language=language, texts=texts)

    def predict(
        self, bundle: Path, texts: Iterable[str], *, chunk: int = 1024, eight_bit: bool = False
    ) -> Iterator[Prediction]:
        """One prediction a text, in order, in bounded memory: so many texts at a time.

        `eight_bit` asks the copy in 8-bit integers, which is quicker and answers a little otherwise.
        """
        from sft_keras.inference.loading import quickest_predictor

        return quickest_predictor(bundle, eight_bit=eight_bit, alone=True).predict_stream(texts, chunk=chunk)

    def explain(
        self,
        bundle: Path,
        text: str,
        label: str | None = None,
        *,
        method: str = "gradients",
        predictor: Predictor | None = None,
    ) -> Explanation:
        """Which words of a text speak for a label: see `Predictor.explain`; `predictor` is the model if loaded."""
        return (predictor or self.load(bundle)).explain(text, label, method=cast("Method", method))

    def require_examples(self, place: Path, count: int) -> None:
        """Checks that so many similar training examples can be told; see `similar_examples`, which raises likewise."""
        require_count(count)
        if place.exists():  # that there is no model at all is told by whoever loads it
            require_rows(place)

    def examples_verdict(self, found: Neighbours, answer: str, language: str = "en") -> Verdict | None:
        """What similar training examples say of an answer, in words; None if there is nothing to say."""
        return verdict_of(found, answer, language)

    def similar_examples(
        self,
        place: Path,
        text: str,
        count: int = COUNT,
        *,
        predictor: Predictor | None = None,
        tell: Callable[[int, int], None] = lambda _done, _all: None,
    ) -> Neighbours:
        """The training rows of a run that its model sees as most like a text, computed in this process.

        Args:
            place: The folder of the run, or its bundle beside the rows.
            text: The text; an empty one is like none.
            count: How many, 1 to 20.
            predictor: The run's model, if it is loaded already.
            tell: Hears how many rows are prepared, of how many; the first question about a run takes a while.

        Raises:
            ArtifactError: There is no model, or its training rows are not there.
            DataError: The rows are damaged, or those of another model.
            InputValueError: The count is out of range.
        """
        from sft_keras.artifacts.bundle import read_bundle
        from sft_keras.inference.training_features import training_features

        self.require_examples(place, count)
        if not text.strip():
            return Neighbours.none()
        model = (predictor or self.load(place)).model
        features = training_features(
            read_bundle(place), model, require_rows(place), min_free_mib=self.settings.min_free_mib
        )
        features.prepare(tell=tell)
        return features.nearest(text, count)

    def predict_file(
        self,
        bundle: Path,
        source: str,
        target: Path,
        *,
        text_column: str | None = None,
        probabilities: bool = False,
        costs: Path | None = None,
        hand_over: float | None = None,
        decide: bool = False,
        eight_bit: bool = False,
        language: str = "en",
        warn: Callable[[str], None] = lambda _sentence: None,
    ) -> int:
        """Predicts each row of a file and writes it with all its columns; returns the number of rows.

        Args:
            bundle: The bundle.
            source: The file with the texts.
            target: What is written: .csv, .tsv or .jsonl by its ending. It appears when it is complete.
            text_column: The column with the texts; found if left out.
            probabilities: Whether to add the probability of each label.
            costs: A file with what mistakes cost, for a column `decision`; see `runs.decided.read_costs`.
            hand_over: What asking a person costs; such rows get the decision "(a person)".
            decide: Whether to add that column without such a file, by the costs that were kept with the run.
            eight_bit: Whether to ask the copy in 8-bit integers; see `predict`.
            language: Of the warning.
            warn: Told, in one sentence, if the texts differ from those that the model was made of.

        Raises:
            SftError: A file or the bundle cannot be used.
        """
        from sft_keras.artifacts.bundle import read_bundle
        from sft_keras.data.columns import choose_text_column
        from sft_keras.data.writers import require_writable
        from sft_keras.inference.loading import quickest_predictor
        from sft_keras.inference.tables import predict_table
        from sft_keras.runs.prepare import read_data

        require_writable(target)  # before the long work
        table = read_data(source, self.settings)
        column = choose_text_column(table.frame, text=text_column, source=table.source)
        checked, decided = read_bundle(bundle), None
        if decide or costs is not None:
            from sft_keras.runs.reference import run_of
            from sft_keras.services.decisions import costs_of, decider

            names = checked.labels.names
            decided = decider(costs_of(run_of(bundle), names, costs, hand_over), names)
        predictor = quickest_predictor(checked, eight_bit=eight_bit, alone=True)
        watch = Watching(bundle, predictor.labels.names)
        predict_table(
            predictor, table.frame, column, target, probabilities=probabilities, hear=watch.hear, decide=decided
        )
        told = watch.told(language)
        if told:
            warn(told)
        return len(table.frame)

    def read_texts(self, path: Path, name: str) -> list[str]:
        """The texts of a small file, without those that are empty: the lines of a .txt, or the column of a table.

        Args:
            path: Where it lies.
            name: What its owner calls it, for messages.

        Raises:
            DataError: It is larger than a small file, unpacks to more, has too many rows, or cannot be read.
        """
        from dataclasses import replace

        from sft_keras.data.columns import choose_text_column
        from sft_keras.data.decoding import decode
        from sft_keras.data.readers import read_table

        fewer = "Divide it, or send fewer texts."
        if not path.is_file():
            raise DataError("The file is not there any more.", where=name, fix="Upload it once more.")
        if path.stat().st_size > SMALL_FILE_MIB * MIB:
            raise DataError(f"The file is larger than {SMALL_FILE_MIB} MiB.", where=name, fix=fewer)
        if path.suffix.lower() == ".txt":
            texts = decode(path.read_bytes(), name)[0].splitlines()
        else:
            with told_as(path, name):
                limits = replace(
                    self.settings,
                    max_file_mib=min(self.settings.max_file_mib, SMALL_FILE_UNPACKED_MIB),
                    max_rows=min(self.settings.max_rows, SMALL_FILE_ROWS),
                )
                try:
                    table = read_table(path, limits)
                except SftError as error:
                    if "environment variable" in error.fix:  # a visitor can set nothing here
                        error.fix = fewer
                    raise
                texts = table.frame[choose_text_column(table.frame, text=None, source=name)].tolist()
        return [text.strip() for text in texts if text.strip()]

    def answers_csv(self, predictions: Sequence[Prediction], header: Sequence[str]) -> str:
        """Answers as a table for a spreadsheet, in which no cell is computed.

        Args:
            predictions: The answers.
            header: What the columns are called: text, label, confidence.
        """
        import csv
        import io

        from sft_keras.inference.tables import defuse

        target = io.StringIO()
        writer = csv.writer(target)
        writer.writerow(header)
        writer.writerows([defuse(each.text), defuse(each.label), f"{each.confidence:.6f}"] for each in predictions)
        return target.getvalue()
