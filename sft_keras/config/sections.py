"""The sections of a configuration: every field has a default, a range, a title and a sentence.

The sentences feed `--help`, the form of the web app and the docs; names of plug-ins are checked against
the files that hold them, so a new loss term needs no edit here.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from sft_keras.config.section import Section, plugin_name
from sft_keras.errors import ConfigError

# What "3+" epochs make at least, in all and for each label, and how many epochs that may take.
LEAST_UPDATES, LEAST_UPDATES_A_LABEL, MOST_EPOCHS = 200, 20, 50
TaskName = Annotated[str, plugin_name("sft_keras.tasks", "task")]


class DataConfig(Section):
    """Which columns are used and how the rows are divided."""

    text_column: str | None = Field(None, title="Text column", description="Column with the texts; found if empty.")
    label_column: str | None = Field(None, title="Label column", description="Column with the labels; found if empty.")
    weight_column: str | None = Field(
        None,
        title="Weight column",
        description="Column with a weight for each row (a number from 0 up); none if empty.",
    )
    validation_fraction: float = Field(
        0.1, gt=0, lt=0.5, title="Validation part", description="Share of the rows that chooses the best epoch."
    )
    test_fraction: float = Field(
        0.2,
        ge=0,
        lt=0.5,
        title="Test part",
        description="Share of the rows that is only used for the final score; 0 leaves out both part and score.",
    )
    max_rows: int | None = Field(
        None, ge=8, title="Row limit", description="Use at most so many rows, drawn with the seed; all if empty."
    )
    near_duplicate_similarity: float = Field(
        0.9,
        gt=0,
        le=1,
        title="Near-duplicate similarity",
        description="Texts at least this alike (Jaccard of character 5-grams) stay on one side of the split.",
    )


class ModelConfig(Section):
    """The pretrained model, what of it is trained, and how a text becomes one vector."""

    backbone: str = Field(
        "auto",
        min_length=1,
        title="Backbone",
        description="auto follows the language of the texts; else a name from `sft-keras backbones`, a KerasHub "
        "preset, an hf:// handle, a folder, or a bundle.",
    )
    bundle_sha256: str | None = Field(
        None,
        pattern=r"^[0-9a-f]{64}$",
        title="Fingerprint of the bundle",
        description="SHA-256 of manifest.json where backbone is a bundle; filled in, and another bundle is refused.",
    )
    pooling: Literal["auto", "cls", "mean", "last", "max", "mean_max"] = Field(
        "auto", title="Pooling", description="How the token vectors become one; auto takes the family's default."
    )
    pooled_layers: str = Field(
        "last",
        pattern=r"^(last|upper|auto|[1-9][0-9]*(-[1-9][0-9]*|(\+[1-9][0-9]*)+)?)$",
        title="Layers pooled",
        description="What the head reads: the last layer, another (5), the mean of a range (3-6), layers side by side "
        "(4+6), upper (up to four of the upper half side by side), or auto, chosen on the validation part.",
    )
    trainable: str = Field(
        "full",
        pattern=r"^(full|head|top:[1-9][0-9]*)$",
        title="What trains",
        description="full, head (backbone frozen), or top:N (the last N layers).",
    )
    freeze_embeddings: bool = Field(
        False, title="Freeze embeddings", description="Keep the token embeddings as they were pretrained."
    )
    lora_rank: int | None = Field(
        None,
        ge=1,
        le=256,
        title="LoRA rank",
        description="Train low-rank factors of this rank in the attention instead of the backbone; none if empty.",
    )
    dropout: float | None = Field(
        None, ge=0, lt=1, title="Dropout", description="Share dropped in the backbone; the family's default if empty."
    )
    head_dropout: float = Field(0.1, ge=0, lt=1, title="Head dropout", description="Share dropped before the head.")
    max_length: int = Field(
        256, ge=8, le=8192, title="Longest text", description="Tokens a text; what is longer is cut at the end."
    )
    lstm_units: int = Field(32, ge=4, le=4096, title="LSTM units", description="Units in each direction (lstm only).")
    lstm_embedding_dim: int = Field(
        32, ge=4, le=4096, title="LSTM embedding size", description="Width of the token vectors (lstm only)."
    )
    lstm_vocabulary_size: int = Field(
        20_000, ge=100, le=1_000_000, title="LSTM vocabulary", description="Most tokens that are learned (lstm only)."
    )
    lstm_bigram_buckets: int = Field(
        65_536,
        ge=0,
        le=400_000,
        title="LSTM bigrams",
        description="Rows of the hashed table for pairs of tokens; 0 leaves the pairs out (lstm only).",
    )
    word_vectors: str | None = Field(
        None, title="Word vectors", description="File of vectors in GloVe or word2vec text format (lstm only)."
    )

    @model_validator(mode="after")
    def _consistent(self) -> ModelConfig:
        if self.lora_rank and self.trainable == "head":
            raise ValueError('lora_rank trains factors in the backbone, and trainable: "head" freezes it; set one')
        return self


class OptimizerConfig(Section):
    """How the weights are moved."""

    name: Literal["adamw", "adam", "sgd"] = Field("adamw", title="Optimizer", description="adamw, adam or sgd.")
    learning_rate: float | None = Field(
        None, gt=0, le=10, title="Learning rate", description="Peak learning rate; the backbone's default if empty."
    )
    weight_decay: float = Field(
        0.01, ge=0, lt=1, title="Weight decay", description="AdamW's decay; biases and layer norms are spared."
    )
    momentum: float = Field(0.9, ge=0, lt=1, title="Momentum", description="Momentum of sgd.")
    warmup_ratio: float = Field(0.1, ge=0, lt=1, title="Warm-up", description="Share of the steps that warms up.")
    schedule: Literal["linear", "cosine", "constant"] = Field(
        "linear", title="Schedule", description="What the learning rate does after the warm-up."
    )
    clip_norm: float | None = Field(
        1.0, gt=0, title="Gradient clipping", description="Largest global norm of the gradient; none if empty."
    )
    layer_decay: float = Field(
        1.0,
        gt=0,
        le=1,
        title="Layer decay",
        description="Each layer learns at this share of the rate of the one above it; 1 is one rate for all.",
    )


class TrainingConfig(Section):
    """How long and how the training runs."""

    task: TaskName = Field("classification", title="Task", description="What is learned from the labels.")
    epochs: Annotated[int, Field(ge=1, le=1000)] | Annotated[str, Field(pattern=r"^[1-9][0-9]{0,2}\+$")] = Field(
        "3+",
        title="Epochs",
        description="Passes over the training part, 1 to 1,000; 3+ makes more, up to 50, where they would make "
        "fewer than 200 updates or than 20 for each label, and stretches the patience with them.",
    )
    batch_size: int = Field(32, ge=1, le=4096, title="Batch size", description="Rows an update.")
    accumulation_steps: int = Field(
        1,
        ge=1,
        le=4096,
        title="Parts of a batch",
        description="Compute each batch in so many parts, one after the other: less memory, the same update.",
    )
    seed: int = Field(0, ge=0, le=2**31 - 1, title="Seed", description="Fixes the split, the order and all draws.")
    patience: int | None = Field(
        2, ge=1, title="Patience", description="Stop after so many epochs without a better score; never if empty."
    )
    head_solver: Literal["gradient", "logistic"] = Field(
        "gradient",
        title="Head solver",
        description="gradient, or logistic: a logistic regression on a frozen backbone's vectors (trainable: head).",
    )
    head_penalty: Annotated[float, Field(gt=0, le=1e6)] | Literal["auto"] = Field(
        "auto",
        title="Head penalty",
        description="Inverse strength of the logistic head's penalty (scikit-learn's C); auto chooses on the "
        "validation part.",
    )
    monitor: Literal["macro_f1", "accuracy", "task_loss"] = Field(
        "macro_f1", title="Best by", description="Validation figure that chooses the best epoch."
    )
    mixed_precision: Literal["auto", "none", "bfloat16", "float16"] = Field(
        "auto",
        title="Mixed precision",
        description="Number format of the backbone; none is 32-bit, auto takes bfloat16 where it is measured faster.",
    )
    jit_compile: bool = Field(
        False, title="Compile (XLA)", description="Compile the step; pays on long runs with few text lengths."
    )
    length_buckets: bool = Field(
        True, title="Length buckets", description="Put texts of like length into one batch, which saves padding."
    )
    checkpoint_minutes: float = Field(
        10,
        gt=0,
        title="Checkpoint every",
        description="Minutes between checkpoints; the end of an epoch makes one too, unless epochs are short.",
    )

    @model_validator(mode="after")
    def _consistent(self) -> TrainingConfig:
        if self.accumulation_steps > self.batch_size:
            raise ValueError(f"a batch of {self.batch_size} rows has no {self.accumulation_steps} parts")
        return self

    @property
    def epoch_count(self) -> int:
        """Epochs as a number.

        Raises:
            ConfigError: It follows from the rows, see `for_rows`.
        """
        if isinstance(self.epochs, str):
            raise ConfigError(
                f"training.epochs is {self.epochs}: how many that are follows from the rows.",
                where="training.epochs",
                fix="Give a number, or start a run (`sft-keras train`).",
            )
        return self.epochs

    def for_rows(self, rows: int, labels: int) -> TrainingConfig:
        """The same with a number of epochs for the training rows; a logistic regression passes over them once.

        Few rows make few updates in an epoch, and three epochs of them leave a pretrained model nearly as it was
        (Mosbach et al. 2021, section 6, train 20 epochs on small sets). Of many labels each is seen in few updates.

        Args:
            rows: How many training rows there are.
            labels: How many labels there are.

        Example:
            >>> [TrainingConfig().for_rows(*size).epochs for size in ((4000, 2), (320, 2), (4000, 40))]
            [3, 20, 7]
        """
        if not isinstance(self.epochs, str):
            return self
        least = int(self.epochs.removesuffix("+"))
        an_epoch = max(1, math.ceil(rows / self.batch_size))
        updates = max(LEAST_UPDATES, LEAST_UPDATES_A_LABEL * labels)
        wanted = least if self.head_solver == "logistic" else math.ceil(updates / an_epoch)
        epochs = max(least, min(MOST_EPOCHS, wanted))
        patience = self.patience and math.ceil(self.patience * epochs / least)
        return self.model_copy(update={"epochs": epochs, "patience": patience})


class EvaluationConfig(Section):
    """What is measured on the test part."""

    bootstrap_samples: int = Field(
        1000, ge=100, le=100_000, title="Bootstrap samples", description="Resamples behind each 95% interval."
    )
    calibration_bins: int = Field(
        15, ge=2, le=100, title="Calibration bins", description="Equal-width bins of the calibration error."
    )
    calibrate: bool = Field(
        True,
        title="Calibrate confidence",
        description="Divide the logits by a temperature found on the validation part, so that confidences mean what "
        "they say; no answer changes.",
    )
    control_run: bool = Field(
        False,
        title="Control run",
        description="With a supervised term, also train at λ = 0 with the same seed, and compare on the test part; "
        "takes twice as long.",
    )
    baselines: bool = Field(
        True, title="Baselines", description="Also score the majority class and TF-IDF + logistic regression."
    )
