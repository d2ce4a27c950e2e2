"""The whole way in one program: fine-tune, read the score, predict, and know what to try next.

It takes 2,000 rows of the sample so that it ends within minutes on two processor cores.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sft_keras import fine_tune, load
from sft_keras.terminal.predictions import show_prediction
from sft_keras.terminal.progress import progress_sink
from sft_keras.terminal.report import show_report

SENTENCES = (
    "A moving, beautifully acted film that stays with you for days.",
    "A dull, lifeless plot, and none of the jokes land.",
)


def free_folder(name: str) -> Path:
    """The first of runs/NAME, runs/NAME-2, … that does not exist yet."""
    folder, number = Path("runs") / name, 2
    while folder.exists():
        folder, number = Path("runs") / f"{name}-{number}", number + 1
    return folder


def main() -> int:
    """Runs it; 0 if the model was made."""
    settings = {"data": {"max_rows": 2000}, "training": {"epochs": 2}}
    with progress_sink() as sink:
        result = fine_tune("sample:movie-reviews", out=free_folder("quickstart"), config=settings, sink=sink)
    if result.report is None:
        return 1
    bundle = result.run.bundle
    print("\nHow good is it?\n")
    show_report(result.report)
    print("\nTwo sentences it has never seen:\n")
    for prediction in load(bundle).predict(SENTENCES):
        show_prediction(prediction, probabilities=False)
    print(f"\nThe model lies in  {bundle}")
    print(f"Its report lies in {result.run.report}")
    print("\nTry next:")
    print(f'  sft-keras predict {bundle} --text "Your own sentence"')
    print("  sft-keras check YOUR_FILE.csv")
    print("  sft-keras train --data YOUR_FILE.csv --out runs/mine")
    print("  sft-keras train --data sample:chinese-reviews --backbone lstm --out runs/chinese")
    return 0


if __name__ == "__main__":
    sys.exit(main())
