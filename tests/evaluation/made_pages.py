"""Reports of a made-up model, and their page with its text and tags taken apart."""

from __future__ import annotations

from html.parser import HTMLParser

import numpy as np

from sft_keras.config import EvaluationConfig, RunConfig
from sft_keras.evaluation.content import read_content
from sft_keras.evaluation.page import render_page
from sft_keras.evaluation.report import build_report, evaluate_only

HISTORY = tuple(
    {"epoch": i + 1, "loss": 1.0, "task_loss": 0.8, "sup_loss": 0.2, "val_task_loss": 0.9, "val_macro_f1": f1}
    for i, f1 in enumerate((0.5, 0.7, 0.6))
)
LAMBDA = {
    "rows": [
        {"weight": 0.0, "score": 0.7, "epochs": 3, "seconds": 10.0},
        {"weight": 0.1, "score": 0.72, "epochs": 2, "seconds": 4000.0},
    ],
    "chosen": 0.1,
    "difference": 0.0234,
    "interval": [0.004, 0.041],
    "kept_zero": False,
    "monitor": "macro_f1",
    "terms": ["supcon"],
    "message": "A sentence in English.",
}
LAYERS = {
    "rows": [{"layers": "1-3", "C": 1.0, "score": 0.7}, {"layers": "3-6", "C": 10, "score": 0.73}],
    "chosen": "3-6",
}
VOID = {"meta", "input", "br", "wbr"}


class Page(HTMLParser):
    """The text of each language, the tags, and whether they close in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text: dict[str, str] = {}
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self._language = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "main":
            self._language = dict(attrs)["lang"]

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "main" in self.open and not {"code", "pre"} & set(self.open):
            self.text[self._language] = self.text.get(self._language, "") + data


def content(names=("负面", "正面"), rows=200, *, right=0.8, baselines=True, **changes):
    generator = np.random.default_rng(0)
    labels = np.arange(rows) % len(names)
    answers = np.where(generator.random(rows) < right, labels, (labels + 1) % len(names))
    options = {
        "labels": labels,
        "probabilities": np.eye(len(names))[answers] * 0.6 + 0.4 / len(names),
        "names": names,
        "config": EvaluationConfig(bootstrap_samples=100),
        "seed": 0,
        "data_fingerprint": "abc",
        "backbone": "lstm",
        "versions": {"keras": "3.15.0"},
        "notes": ("37 row(s) repeat another text, exactly or nearly, and stay on one side with it.",),
    }
    if baselines:
        texts = [f"词{i}" for i in labels]
        report = build_report(
            **options,
            train_texts=texts,
            train_labels=labels,
            test_texts=texts,
            rows={"train": rows, "validation": 5, "test": rows},
            seconds={"training": 90.0, "prediction": 2.5},
            history=HISTORY,
        )
    else:
        report = evaluate_only(**options)
    return read_content({**report.to_dict(), **changes}, where="report.json")


def page_of(given, config=None, **options):
    return render_page(given, config or RunConfig(), **options)
