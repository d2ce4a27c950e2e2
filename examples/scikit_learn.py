"""Fine-tuning within scikit-learn: cross-validation beside another model, and a model that is kept without a pickle.

It trains the small LSTM on 1,000 rows of the sample, so that it ends within minutes. Its figures are no better than
that; leave out "lstm" for the pretrained model.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from sft_keras import SFTClassifier
from sft_keras.data.samples import load_sample
from sft_keras.settings import Settings


def compare_and_keep(texts: Sequence[str], labels: Sequence[str], folder: Path, *, epochs: int) -> SFTClassifier:
    """Compares two classifiers on the same folds, fits one on all rows, and keeps it as a bundle in `folder`."""
    model = SFTClassifier("lstm", epochs=epochs, max_length=32, random_state=0)
    for title, candidate in (
        ("fine-tuned LSTM", model),
        ("TF-IDF + logistic regression", make_pipeline(TfidfVectorizer(), LogisticRegression())),
    ):
        scores = cross_val_score(candidate, texts, labels, cv=2, scoring="f1_macro")
        print(f"{title}: macro F1 {scores.mean():.3f} (folds: {', '.join(f'{score:.3f}' for score in scores)})")
    model.fit(texts, labels).save(folder)
    return SFTClassifier.load(folder)


def main() -> int:
    """Runs it; 0 if all went well."""
    rows = load_sample("movie-reviews", Settings.from_environment()).frame.sample(1000, random_state=0)
    with tempfile.TemporaryDirectory() as place:
        model = compare_and_keep(rows["text"].tolist(), rows["label"].tolist(), Path(place) / "model", epochs=3)
    text = "A moving, beautifully acted film that stays with you for days."
    print(f"{text} -> {model.predict([text])[0]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
