"""How good the recipes are: real data sets, several seeds, next to TF-IDF + logistic regression on the same rows.

    python benchmarks/quality.py sets --folder DIR --recipe balanced      # every set of DIR, and the samples
    python benchmarks/quality.py small --folder DIR                       # 16 and 64 rows a label: terms against none
    python benchmarks/quality.py few --folder DIR                         # 60, 120 and 300 rows: recipes side by side
    python benchmarks/quality.py imbalance                                # 6 % of one label in 2,000 rows

DIR holds one folder a set with `train.csv` and `test.csv` (columns `text`, `label`), and `dev.csv` if there is one.
With `--kept FILE` each score is written there as soon as it is known, and not measured again by a later call.
The figures are on the test part, as mean ± standard deviation over the seeds; a baseline without a spread sees
the same rows with each seed. Nothing here is timed for comparison.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from sft_keras.config import RunConfig
from sft_keras.data.samples import SAMPLE_PREFIX
from sft_keras.runs.prepare import read_data
from sft_keras.services import Services
from sft_keras.yaml_files import laid_over

SAMPLES = ("movie-reviews", "bbc-news")
SMALL_SETS, SMALL_SIZES, SMALL_TEST_ROWS = ("trec6", "cr", "movie-reviews"), (16, 64), 1000
FEW_SIZES, FEW_RECIPES = (60, 120, 300), ("small-data", "quick", "balanced")
TERMS: dict[str, dict[str, Any]] = {
    "cross-entropy": {},
    "supcon λ = 0.1": {"terms": [{"name": "supcon", "weight": 0.1}]},
    "prototype λ = 0.1": {"terms": [{"name": "prototype", "weight": 0.1}]},
    "center λ = 0.01": {"terms": [{"name": "center", "weight": 0.01}]},
    "class_balanced λ = 1": {"terms": [{"name": "class_balanced", "weight": 1.0}]},
}
IMBALANCED_SETS, IMBALANCED_ROWS, RARE_SHARE, BALANCED_TEST_ROWS = ("movie-reviews", "product-reviews"), 2000, 0.06, 600
REMEDIES: dict[str, dict[str, Any]] = {
    "cross-entropy": {},
    "class weights balanced": {"class_weights": "balanced"},
    "focal": {"task_loss": "focal"},
    "class_balanced, λ found": {"terms": [{"name": "class_balanced", "weight": "auto"}], "weight_grid": [0.3, 1, 3]},
}


@dataclass(frozen=True)
class Parts:
    """The files of a set; what is None is cut from the training file."""

    name: str
    train: str
    validation: str | None = None
    test: str | None = None


@dataclass(frozen=True)
class Score:
    """What one run gave on its test part."""

    accuracy: float
    macro_f1: float
    baseline_accuracy: float
    baseline_macro_f1: float
    seconds: float
    note: str


class Kept:
    """Scores that were measured before, so that a table of many trainings can be broken off and gone on with.

    Args:
        file: Where they lie, one a line; None keeps nothing. Several processes may add to it.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file

    def scores(
        self, case: str, settings: Mapping[str, Any], measure: Callable[[int], Score], seeds: int
    ) -> list[Score]:
        """The scores of a case for each seed; measured where they are not known."""
        return [self._score({"case": case, "settings": settings, "seed": seed}, measure) for seed in range(seeds)]

    def _score(self, asked: dict[str, Any], measure: Callable[[int], Score]) -> Score:
        if self._file is None:
            return measure(asked["seed"])
        asked = json.loads(json.dumps(asked))  # as it is read back
        for line in self._file.read_text(encoding="utf-8").splitlines() if self._file.exists() else ():
            known = json.loads(line)
            if known.items() >= asked.items():
                return Score(**known["score"])
        found = measure(asked["seed"])
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps({**asked, "score": asdict(found)}) + "\n")
        return found


def score(services: Services, parts: Parts, settings: Mapping[str, Any], seed: int) -> Score:
    """Trains once with a seed and reads the report."""
    config = RunConfig.parse(laid_over(settings, {"training": {"seed": seed}}))
    with tempfile.TemporaryDirectory() as folder:
        run = services.prepare(
            parts.train, config, out=Path(folder) / "run", validation=parts.validation, test=parts.test
        )
        report = services.start(run, exports=False).report
    assert report is not None
    own, baseline = report["metrics"], report["baselines"]["tfidf_logreg"]["metrics"]
    search = report.get("lambda_search") or {}
    layers = report.get("layer_search") or {}
    return Score(
        own["accuracy"]["value"],
        own["macro_f1"]["value"],
        baseline["accuracy"]["value"],
        baseline["macro_f1"]["value"],
        report["seconds"]["training"],
        f"λ {search['chosen']:g}" if search else str(layers.get("chosen", "")),
    )


def given_parts(folder: Path, name: str) -> Parts:
    """The files of a set in the folder of sets."""
    place = folder / name
    validation = place / "dev.csv"
    return Parts(
        name, str(place / "train.csv"), str(validation) if validation.is_file() else None, str(place / "test.csv")
    )


def all_sets(folder: Path | None) -> Iterator[Parts]:
    """The sets of the folder, then the samples."""
    for place in sorted(folder.iterdir()) if folder else ():
        if (place / "train.csv").is_file():
            yield given_parts(folder or Path(), place.name)
    for name in SAMPLES:
        yield Parts(name, f"{SAMPLE_PREFIX}{name}")


def frames(services: Services, folder: Path | None, name: str) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Training and test rows of a set or a sample, without repeated texts."""
    if folder and (folder / name / "train.csv").is_file():
        parts = given_parts(folder, name)
        train, test = (read_data(path, services.settings).frame for path in (parts.train, str(parts.test)))
        return train.drop_duplicates("text"), test
    return read_data(f"{SAMPLE_PREFIX}{name}", services.settings).frame.drop_duplicates("text"), None


def write(folder: Path, name: str, **parts: pd.DataFrame) -> Parts:
    """The rows as files."""
    for part, frame in parts.items():
        frame[["text", "label"]].to_csv(folder / f"{part}.csv", index=False)
    return Parts(name, *(str(folder / f"{part}.csv") if part in parts else None for part in ("train", "dev", "test")))


def small_parts(services: Services, folder: Path | None, name: str, size: int, seed: int, place: Path) -> Parts:
    """So many rows of each label to train on, as many again to validate on, and the test rows of the set."""
    train, test = frames(services, folder, name)
    mixed = train.sample(frac=1, random_state=seed)
    if test is None:
        mixed, test = mixed[SMALL_TEST_ROWS:], mixed[:SMALL_TEST_ROWS]
    rank = mixed.groupby("label").cumcount()
    return write(place, name, train=mixed[rank < size], dev=mixed[(rank >= size) & (rank < 2 * size)], test=test)


def few_parts(services: Services, folder: Path | None, name: str, size: int, seed: int, place: Path) -> Parts:
    """So many rows as a person may have labelled, of which the run takes its own validation part, and the test rows.

    Labels of a single row are left out, and in the test rows those that are not among the others.
    """
    train, test = frames(services, folder, name)
    mixed = train.sample(frac=1, random_state=seed)
    if test is None:
        mixed, test = mixed[SMALL_TEST_ROWS:], mixed[:SMALL_TEST_ROWS]
    rows = mixed[:size]
    rows = rows[rows.groupby("label")["label"].transform("size") > 1]
    return write(place, name, train=rows, test=test[test["label"].isin(rows["label"])])


def imbalanced_parts(services: Services, name: str, seed: int, place: Path) -> Parts:
    """A training file with few positive rows, and a test file with as many of each label."""
    mixed = frames(services, None, name)[0].sample(frac=1, random_state=seed)
    rank = mixed.groupby("label").cumcount()
    half, rare = BALANCED_TEST_ROWS // 2, round(IMBALANCED_ROWS * RARE_SHARE)
    wanted = mixed["label"].map({"positive": rare, "negative": IMBALANCED_ROWS - rare})
    return write(place, name, train=mixed[(rank >= half) & (rank < half + wanted)], test=mixed[rank < half])


def print_row(name: str, scores: Sequence[Score], first: Sequence[Score] | None = None) -> None:
    """One line of the table, as soon as it is known.

    Args:
        name: What the line is called.
        scores: A score for each seed.
        first: The scores of the first line, with the same seeds: the gain over them is printed, as the mean of the
            differences ± their standard error.
    """

    def figure(attribute: str) -> str:
        values = [100 * getattr(item, attribute) for item in scores]
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        return f"{statistics.mean(values):.1f} ± {spread:.1f}"

    figures = [figure(name) for name in ("accuracy", "baseline_accuracy", "macro_f1", "baseline_macro_f1")]
    notes = ", ".join(sorted({item.note for item in scores if item.note}))
    seconds = statistics.mean(item.seconds for item in scores)
    gain = ""
    if first and len(scores) > 1:
        gains = [100 * (own.accuracy - other.accuracy) for own, other in zip(scores, first, strict=True)]
        gain = f"{statistics.mean(gains):+.1f} ± {statistics.stdev(gains) / len(gains) ** 0.5:.1f}"
    print(f"| {name} | {' | '.join(figures)} | {gain} | {seconds:.0f} s | {notes} |", flush=True)


def print_header(title: str) -> None:
    """The first two lines of a table."""
    print(f"\n| {title} | accuracy | TF-IDF + LR | macro F1 | TF-IDF + LR | gain in accuracy | training | chosen |")
    print("|---|---|---|---|---|---|---|---|", flush=True)


@dataclass(frozen=True)
class Drawn:
    """A table whose lines are trained on the same drawn rows.

    Attributes:
        title: What the rows are.
        lines: The settings of each line by its name; the first is what the others are compared with.
        draw: Writes the rows of a seed into a folder.
    """

    title: str
    lines: Mapping[str, Mapping[str, Any]]
    draw: Callable[[int, Path], Parts]


def drawn_tables(services: Services, asked: argparse.Namespace, settings: Mapping[str, Any]) -> Iterator[Drawn]:
    """The tables of `small`, `few` or `imbalance`."""
    if asked.table == "imbalance":
        for name in IMBALANCED_SETS:
            draw = functools.partial(imbalanced_parts, services, name)
            yield Drawn(f"{name}, {RARE_SHARE:.0%} positive", with_losses(settings, REMEDIES), draw)
        return
    losses, recipes = with_losses(settings, TERMS), {name: services.recipe(name) for name in FEW_RECIPES}
    lines = recipes if asked.table == "few" else losses
    part = few_parts if asked.table == "few" else small_parts
    what = "rows" if asked.table == "few" else "rows a label"
    sizes = asked.sizes or (FEW_SIZES if asked.table == "few" else SMALL_SIZES)
    for name, size in itertools.product(asked.only or SMALL_SETS, sizes):
        yield Drawn(f"{name}, {size} {what}", lines, functools.partial(part, services, asked.folder, name, size))


def with_losses(settings: Mapping[str, Any], losses: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The settings with each loss."""
    return {name: laid_over(settings, {"objective": objective}) for name, objective in losses.items()}


def main() -> None:
    """Prints the tables that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=("sets", "small", "few", "imbalance"))
    parser.add_argument("--folder", type=Path, help="folder of sets")
    parser.add_argument("--recipe", default="balanced")
    parser.add_argument("--settings", type=json.loads, default={}, help="settings laid over the recipe, as JSON")
    parser.add_argument("--only", nargs="*", help="sets, by name")
    parser.add_argument("--sizes", type=int, nargs="*", help="rows of each label, for small; rows, for few")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each line")
    parser.add_argument("--lines", nargs="*", help="lines of a table besides the first, by their first word")
    parser.add_argument("--kept", type=Path, help="file of scores, so that a broken table goes on where it stood")
    asked = parser.parse_args()
    services, kept = Services(), Kept(asked.kept)
    settings = laid_over(services.recipe(asked.recipe), asked.settings)
    if asked.table == "sets":
        print_header(f"set, recipe {asked.recipe}")
        for parts in all_sets(asked.folder):
            if not asked.only or parts.name in asked.only:
                measured = functools.partial(score, services, parts, settings)
                print_row(parts.name, kept.scores(parts.name, settings, measured, asked.seeds))
        return
    for table in drawn_tables(services, asked, settings):
        if asked.only and not table.title.startswith(tuple(f"{name}," for name in asked.only)):
            continue
        print_header(table.title)
        first: list[Score] | None = None
        for line, line_settings in table.lines.items():
            if first and asked.lines is not None and line.split()[0] not in asked.lines:
                continue

            def drawn(seed: int, table: Drawn = table, settings: Mapping[str, Any] = line_settings) -> Score:
                with tempfile.TemporaryDirectory() as place:
                    return score(services, table.draw(seed, Path(place)), settings, seed)

            scores = kept.scores(table.title, line_settings, drawn, asked.seeds)
            print_row(line, scores, first)
            first = first or scores


if __name__ == "__main__":
    main()
