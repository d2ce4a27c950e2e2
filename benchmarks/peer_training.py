"""One training by the peer, Hugging Face Transformers: `python peer_training.py work.json`, by the peer's interpreter.

`benchmarks/training.py` writes the work and reads the line of JSON that is printed last. The texts, the weights, the
batch size, the epochs and the settings of AdamW are those of the other side; the classifier on top is the model's own
(a tanh layer over [CLS] with dropout), which costs next to nothing beside the six layers below.
"""

from __future__ import annotations

import csv
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

BEGAN = time.perf_counter()
os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")

import torch  # noqa: E402 - the clock runs before the imports
import transformers  # noqa: E402
from turns import peak_mib  # noqa: E402


class Rows(torch.utils.data.Dataset):
    """Token ids and labels; padded where they are put together, or here to one length."""

    def __init__(self, tokenizer: Any, texts: list[str], labels: list[int], length: int, *, fixed: bool) -> None:
        padding = "max_length" if fixed else False
        self.ids = tokenizer(texts, truncation=True, max_length=length, padding=padding)
        self.labels = labels
        self.lengths = [sum(mask) for mask in self.ids["attention_mask"]]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {**{name: column[index] for name, column in self.ids.items()}, "labels": self.labels[index]}


class Clock(transformers.TrainerCallback):
    """The seconds of each epoch without what happens between epochs, and when the first step was done."""

    def __init__(self) -> None:
        self.first_step = 0.0
        self.epochs: list[float] = []

    def on_epoch_begin(self, *_: Any, **__: Any) -> None:
        self.now = time.perf_counter()
        self.epochs.append(0.0)

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.first_step = self.first_step or time.perf_counter() - BEGAN
        self.epochs[-1] = time.perf_counter() - self.now


def read(path: str) -> tuple[list[str], list[str]]:
    """The columns `text` and `label` of a CSV file."""
    with Path(path).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row["text"] for row in rows], [row["label"] for row in rows]


def matrix_rate(kind: torch.dtype, *, size: int = 1024, times: int = 5) -> float:
    """GFLOP/s of a product of two square matrices, the fastest of several."""
    a, b = (torch.randn(size, size).to(kind) for _ in range(2))
    best = float("inf")
    for _ in range(times + 1):
        began = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - began)
    return 2 * size**3 / best / 1e9


def main(work: dict[str, Any]) -> None:
    """Trains once and prints what it took."""
    transformers.set_seed(work["seed"])
    torch.set_num_threads(work["threads"])
    texts, labels = read(work["train"])
    tested, truth = read(work["test"])
    names = sorted(set(labels))
    tokenizer = transformers.AutoTokenizer.from_pretrained(work["weights"])
    model = transformers.AutoModelForSequenceClassification.from_pretrained(work["weights"], num_labels=len(names))
    if work["top"]:
        layers = model.base_model.encoder.layer
        for part in (model.base_model.embeddings, *layers[: len(layers) - work["top"]]):
            part.requires_grad_(False)
    fixed = work["mode"] == "fixed"
    length = work["max_length"]
    train = Rows(tokenizer, texts, [names.index(label) for label in labels], length, fixed=fixed)
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        arguments = transformers.TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=work["batch_size"],
            num_train_epochs=work["epochs"],
            learning_rate=work["learning_rate"],
            weight_decay=work["weight_decay"],
            adam_epsilon=work["epsilon"],
            warmup_steps=work["warmup"],
            lr_scheduler_type="linear",
            max_grad_norm=work["clip"],
            train_sampling_strategy="group_by_length" if work["mode"] == "grouped" else "random",
            save_strategy="no",
            eval_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
            dataloader_num_workers=0,
            use_cpu=not work["gpu"],
            bf16=work["bfloat16"],
            seed=work["seed"],
        )
        collate = transformers.DataCollatorWithPadding(tokenizer)
        trainer = transformers.Trainer(
            model=model, args=arguments, train_dataset=train, data_collator=collate, callbacks=[clock]
        )
        result = trainer.train()
        held = Rows(tokenizer, tested, [names.index(label) for label in truth], length, fixed=False)
        answers = trainer.predict(held).predictions.argmax(axis=1)
    right = sum(int(a) == b for a, b in zip(answers, held.labels, strict=True))
    print(
        json.dumps(
            {
                "first_step": clock.first_step,
                "epochs": clock.epochs,
                "tokens": sum(train.lengths),
                "loss": result.training_loss,
                "accuracy": right / len(truth),
                "wall": time.perf_counter() - BEGAN,
                "peak_mib": peak_mib(),
                "gflops_fp32": matrix_rate(torch.float32),
                "gflops_bf16": matrix_rate(torch.bfloat16),
                "version": f"transformers {transformers.__version__}, torch {torch.__version__}",
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
