"""The use cases around a trained model: predicting, scoring, its report as a page."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sft_keras.errors import DataError
from sft_keras.services.base import Installation
from sft_keras.training.progress import Silent

if TYPE_CHECKING:
    from sft_keras.artifacts.bundle import Bundle
    from sft_keras.inference.predictor import Predictor
    from sft_keras.tasks.base import Prediction


class ModelServices(Installation):
    """Using bundles."""

    def load(self, bundle: Path) -> Predictor:
        """A bundle's model, ready to predict; `bundle` may also be the run folder.

        Raises:
            ArtifactError: The bundle is missing, damaged, or from a newer version.
        """
        from sft_keras.artifacts.bundle import read_bundle

        return self._predictor(read_bundle(bundle))

    def _predictor(self, checked: Bundle) -> Predictor:
        from sft_keras.artifacts.bundle import load_model, load_tokenizer
        from sft_keras.backend import load_backend
        from sft_keras.inference.predictor import Predictor
        from sft_keras.tasks.base import TASKS

        load_backend()
        model = load_model(checked)
        return Predictor(
            model,
            load_tokenizer(checked, model),
            checked.labels,
            TASKS.get(checked.config.training.task),
            max_length=checked.config.model.max_length,
        )

    def evaluate(
        self, bundle: Path, data: str, *, text_column: str | None = None, label_column: str | None = None
    ) -> dict[str, Any]:
        """Scores a bundle on a labelled file; the content is that of `report.json` without baselines.

        Raises:
            SftError: The bundle or the file cannot be used, or the file has a label that the model does not know.
        """
        from sft_keras.artifacts.bundle import read_bundle
        from sft_keras.evaluation.report import evaluate_only
        from sft_keras.runs.prepare import Remembering, read_examples
        from sft_keras.runs.worker import versions

        checked = read_bundle(bundle)
        chosen = checked.config.data.model_copy(
            update={"text_column": text_column, "label_column": label_column, "weight_column": None}
        )
        config = checked.config.model_copy(update={"data": chosen})
        told = Remembering(Silent())
        examples = read_examples(data, config, self.settings, told)
        try:
            targets = checked.labels.encode(examples.labels)
        except DataError as error:
            where = f"{examples.source}, beside the labels that the model knows"
            raise DataError(error.problem, where=where, fix=error.fix) from None
        predictor = self._predictor(checked)
        began = time.monotonic()
        probabilities = predictor.probabilities(examples.texts)
        report = evaluate_only(
            labels=targets,
            probabilities=probabilities,
            names=checked.labels.names,
            config=config.evaluation,
            seed=config.training.seed,
            data_fingerprint=examples.fingerprint(),
            backbone=str(checked.information.get("backbone", config.model.backbone)),
            versions=versions(),
            seconds={"prediction": time.monotonic() - began},
            notes=told.messages,
        )
        return report.to_dict()

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

    def predict(self, bundle: Path, texts: Iterable[str], *, chunk: int = 1024) -> Iterator[Prediction]:
        """One prediction a text, in order, in bounded memory: so many texts at a time."""
        return self.load(bundle).predict_stream(texts, chunk=chunk)

    def predict_file(
        self, bundle: Path, source: str, target: Path, *, text_column: str | None = None, probabilities: bool = False
    ) -> int:
        """Predicts each row of a file and writes it with all its columns; returns the number of rows.

        Args:
            bundle: The bundle.
            source: The file with the texts.
            target: What is written: .csv, .tsv or .jsonl by its ending. It appears when it is complete.
            text_column: The column with the texts; found if left out.
            probabilities: Whether to add the probability of each label.

        Raises:
            SftError: A file or the bundle cannot be used.
        """
        from sft_keras.data.columns import choose_text_column
        from sft_keras.data.writers import require_writable
        from sft_keras.inference.tables import predict_table
        from sft_keras.runs.prepare import read_data

        require_writable(target)  # before the long work
        table = read_data(source, self.settings)
        column = choose_text_column(table.frame, text=text_column, source=table.source)
        predict_table(self.load(bundle), table.frame, column, target, probabilities=probabilities)
        return len(table.frame)
