"""Putting the model of a run to work, for its owner."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import tempfile
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sft_keras.errors import ArtifactError, DataError
from sft_keras.inference.explain import Explanation, WordWeight, explain
from sft_keras.json_files import read_json
from sft_keras.places import HIDDEN, told_as
from sft_keras.services.decisions import A_PERSON, decider
from sft_keras.services.drift import Watching, told_drift
from sft_keras.services.examples import COUNT, PREPARE_SECONDS, Neighbours, require_rows
from sft_keras.services.space.base import OwnedFolder, new_id

if TYPE_CHECKING:
    from sft_keras.inference.base import TextPredictor
    from sft_keras.tasks.base import Prediction

__all__ = ["Explanation", "PredictionSpace", "WordWeight"]

KIND = "predictions"
RESULT = "result.json"
# Results that are kept; those made longest ago go first.
MOST_RESULTS = 20
RESULT_SECONDS = 24 * 3600.0
MOST_NAME = 80
# What helps on a terminal does not in the app.
ADVICE = dict.fromkeys(
    (
        "Prepare the data again.",
        "They lie in the folder of the run, and a bundle that was copied away has none.",
        "Give the folder of the run that made the model.",
    ),
    "Train it once more.",
)


class PredictionSpace(OwnedFolder):
    """Predictions. All errors are `SftError`."""

    def predictor(self, run: str) -> TextPredictor:
        """The model of a run, from the pool that all share."""
        return self.installation.pool.predictor(self._bundle(run))

    def predict(self, run: str, texts: Sequence[str]) -> list[Prediction]:
        """One prediction a text."""
        return self.predictor(run).predict(texts)

    def labels(self, run: str) -> tuple[str, ...]:
        """The labels that the model of a run tells apart."""
        from sft_keras.data.labels import Labels

        try:
            return tuple(Labels.from_json((self._bundle(run) / "labels.json").read_text(encoding="utf-8")).names)
        except (OSError, ValueError):
            raise ArtifactError("The labels of this model cannot be read.", fix="Train it once more.") from None

    def explain(self, run: str, text: str, label: str | None = None) -> list[WordWeight]:
        """Which words speak for a label (the predicted one if left out): each is left out in turn."""
        return explain(self.predictor(run), text, label)

    def explain_exactly(self, run: str, text: str, label: str | None = None) -> Explanation:
        """The same by integrated gradients, whose weights add up; the first time it takes as long as Keras to start."""
        with self._shown(run):
            return self.installation.explainer.explain(self._bundle(run), text, label)

    def similar_examples(
        self, run: str, text: str, count: int = COUNT, *, seconds: float = PREPARE_SECONDS
    ) -> Neighbours:
        """The training rows of a run that its model sees as most like a text.

        Args:
            run: Id of the run.
            text: The text.
            count: How many, 1 to 20.
            seconds: How long rows that nobody asked about before are prepared for this question; it is answered from
                those that are ready.
        """
        bundle = self._bundle(run)
        with self._shown(run):
            rows = require_rows(bundle)
            return self.installation.explainer.neighbours(bundle, rows, text, count=count, seconds=seconds)

    def predict_file(
        self,
        run: str,
        path: Path,
        name: str,
        *,
        ending: str = ".csv",
        text_column: str | None = None,
        person: str = A_PERSON,
        progress: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> str:
        """Predicts each row of a file; returns the id of the result, which `result_file` finds.

        Args:
            run: Id of the run.
            path: Where the file lies now.
            name: The name that the person's file had.
            ending: ".csv", ".tsv" or ".jsonl"; in the first two, cells that a spreadsheet would compute are defused.
            text_column: The column with the texts; found if left out.
            person: What stands in the column `decision` where a person is to be asked. There is such a column if costs
                of mistakes were kept with the run.
            progress: Called with the rows that are done, and all.
        """
        from sft_keras.data.columns import choose_text_column
        from sft_keras.inference.tables import predict_table
        from sft_keras.runs.prepare import read_data

        if ending not in (".csv", ".tsv", ".jsonl"):
            raise DataError(f'A table cannot be written as "{ending}".', fix="Choose .csv, .tsv or .jsonl.")
        self.require_room()
        predictor = self.predictor(run)
        given = _given_name(name)
        with _named(path, given) as source:
            table = read_data(str(source), self.settings)
            column = choose_text_column(table.frame, text=text_column, source=table.source)
        result = new_id()
        saved = f"{_file_name(Path(given).stem)}-predictions{ending}"
        temporary = self.folder / KIND / f".{result}.part"
        rows = len(table.frame)
        progress(0, rows)
        try:
            temporary.mkdir(parents=True)
            target = temporary / f"table{ending}"
            watch = Watching(self.place("runs", run), predictor.labels.names)
            decide = self._decider(run, predictor.labels.names, person)
            predict_table(
                predictor,
                table.frame,
                column,
                target,
                probabilities=True,
                defused=True,
                progress=progress,
                hear=watch.hear,
                decide=decide,
            )
            about = {
                "name": saved,
                "rows": rows,
                "run": run,
                "created": datetime.now(UTC).isoformat(),
                "drift": watch.facts(),
                "decided": decide is not None,
            }
            (temporary / RESULT).write_text(json.dumps(about, ensure_ascii=False), encoding="utf-8")
            temporary.rename(self.folder / KIND / result)
        except OSError as error:
            raise _not_written(error) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        self._forget_old()
        return result

    def result_decided(self, result: str) -> bool:
        """Whether a result has a column of decisions, by the costs of mistakes that were kept with its run."""
        return bool(read_json(self.place(KIND, result) / RESULT).get("decided"))

    def _decider(self, run: str, names: Sequence[str], person: str) -> Callable[[Prediction], str] | None:
        from sft_keras.runs.decided import saved_costs
        from sft_keras.runs.directory import RunDirectory

        costs = saved_costs(RunDirectory(self.place("runs", run)), names)
        return None if costs is None else decider(costs, names, person)

    def result_file(self, result: str) -> tuple[Path, str]:
        """The file of a result, and the name to save it under."""
        place = self.place(KIND, result)
        try:
            name = str(json.loads((place / RESULT).read_text(encoding="utf-8"))["name"])
        except (OSError, ValueError, KeyError, TypeError):
            raise ArtifactError("The result cannot be read.", fix="Predict the file once more.") from None
        return place / f"table{Path(name).suffix}", name

    def result_drift(self, result: str, language: str = "en") -> str:
        """One sentence if the texts of a result differ from those that the model was made of; "" otherwise."""
        return told_drift(read_json(self.place(KIND, result) / RESULT).get("drift"), language)

    def bundle_zip(self, run: str) -> tuple[Path, str]:
        """The bundle as one zip file, made when it is first asked for, and the name to save it under."""
        from sft_keras.artifacts.copies import zip_bundle

        title = self._title(run)
        return zip_bundle(self._bundle(run), title), f"{title}.zip"

    def onnx_file(self, run: str) -> tuple[Path, str]:
        """The exported graph, and the name to save it under."""
        from sft_keras.artifacts.bundle import GRAPH, read_bundle

        bundle = read_bundle(self._bundle(run))
        if not bundle.has_graph:
            found = bundle.information.get("exports")
            told = found.get("onnx", {}) if isinstance(found, dict) else {}
            reason = str(told.get("reason") or "it was trained by a version that wrote none")
            raise ArtifactError(
                f"This model has no ONNX file: {reason.rstrip('.')}.", fix="Download the whole bundle instead."
            )
        return bundle.folder / GRAPH, f"{self._title(run)}.onnx"

    def _shown(self, run: str) -> contextlib.AbstractContextManager[None]:
        """Errors are told without the place of the run, and with what helps in the app."""
        return told_as(self.place("runs", run), HIDDEN, **ADVICE)

    def _bundle(self, run: str) -> Path:
        bundle = self.place("runs", run) / "bundle"
        if not bundle.is_dir():
            raise ArtifactError("This run has no model yet.", fix="Wait until its training is finished.")
        return bundle

    def _title(self, run: str) -> str:
        """What the owner calls the run, as the name of a file."""
        try:
            about = json.loads((self.place("runs", run) / "about.json").read_text(encoding="utf-8"))
            name = str(about["name"])
        except (OSError, ValueError, KeyError, TypeError):
            name = ""
        return _file_name(name)

    def forget_results(self, run: str) -> None:
        """Deletes the results of a run."""
        for place in self._results():
            if read_json(place / RESULT).get("run") == run:
                shutil.rmtree(place, ignore_errors=True)

    def _results(self) -> list[Path]:
        """The folders of the results."""
        folder = self.folder / KIND
        return [place for place in folder.iterdir() if not place.name.startswith(".")] if folder.is_dir() else []

    def _forget_old(self) -> None:
        """Deletes results that are a day old, and the oldest beyond `MOST_RESULTS`."""

        def made(place: Path) -> float:
            try:
                return place.stat().st_mtime
            except OSError:
                return 0.0

        newest = sorted(self._results(), key=made, reverse=True)
        for number, place in enumerate(newest):
            if number >= MOST_RESULTS or time.time() - made(place) > RESULT_SECONDS:
                shutil.rmtree(place, ignore_errors=True)


@contextlib.contextmanager
def _named(path: Path, name: str) -> Iterator[Path]:
    """The file under the name that it had, which tells its format; errors name it so, and no path of this machine."""
    if not path.is_file():
        raise DataError("The file is not there any more.", where=name, fix="Upload it once more.")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / name
        source.symlink_to(path.resolve())
        with told_as(source, name):
            yield source


def _given_name(name: str) -> str:
    """The last part of a name that came from anywhere, as a name that can lie in a folder."""
    stem, dot, ending = re.split(r"[/\\]", name)[-1].rpartition(".")
    return f"{_file_name(stem)}{dot}{_file_name(ending)[:8]}" if dot else _file_name(ending)


def _file_name(name: str) -> str:
    """A name for a file that every system takes: letters of any script, digits, and a few signs."""
    normal = unicodedata.normalize("NFC", name)
    clean = re.sub(r"[^\w.()-]+", "-", normal).strip("-. ")[:MOST_NAME].strip("-. ")
    return clean or "model"


def _not_written(error: OSError) -> ArtifactError:
    return ArtifactError(
        f"The result cannot be written: {error.strerror or error}", fix="There may be too little space on the disk."
    )
