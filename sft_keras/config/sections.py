"""The sections of a configuration: every field has a default, a range, a title and a sentence.

The sentences feed `--help`, the form of the web app and the docs; names of plug-ins are checked against
the files that hold them, so a new loss term needs no edit here.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from sft_keras.errors import did_you_mean
from sft_keras.registry import plugin_names


def _plugin(package: str, kind: str) -> AfterValidator:
    def check(name: str) -> str:
        known = plugin_names(package)
        if name not in known:
            raise ValueError(f'there is no {kind} "{name}". {did_you_mean(name, known)}')
        return name

    return AfterValidator(check)


TermName = Annotated[str, _plugin("sft_keras.losses.terms", "supervised loss term")]
TaskName = Annotated[str, _plugin("sft_keras.tasks", "task")]


class Section(BaseModel):
    """A part of the configuration: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)


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
        0.2, gt=0, lt=0.5, title="Test part", description="Share of the rows that is only used for the final score."
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
        "minilm",
        min_length=1,
        title="Backbone",
        description="A name from `sft-keras backbones`, a KerasHub preset, an hf:// handle, or a local folder.",
    )
    pooling: Literal["auto", "cls", "mean", "last", "max", "mean_max"] = Field(
        "auto", title="Pooling", description="How the token vectors become one; auto takes the family's default."
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
    dropout: float = Field(0.1, ge=0, lt=1, title="Dropout", description="Share of units dropped in the backbone.")
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


class TermConfig(Section):
    """One supervised term of the loss and its weight λ."""

    name: TermName = Field(title="Term", description="Name of the supervised term.")
    weight: float = Field(0.1, ge=0, le=1000, title="λ", description="Weight of the term; 0 leaves it out entirely.")
    temperature: float = Field(
        0.1, ge=0.01, le=100, title="Temperature", description="Divides the similarities (supcon, prototype)."
    )
    center_rate: float = Field(
        0.5, gt=0, le=1, title="Center rate", description="How fast the class centers follow (center)."
    )
    ramp_epochs: float = Field(
        0, ge=0, le=1000, title="Ramp", description="λ grows linearly from 0 over so many epochs; 0 keeps it constant."
    )


class ObjectiveConfig(Section):
    """The loss L = L_task + Σ λ·L_sup."""

    task_loss: Literal["cross_entropy", "focal"] = Field(
        "cross_entropy", title="Task loss", description="cross_entropy, or focal (gives easy rows less weight)."
    )
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, title="Label smoothing", description="Probability spread evenly over all classes."
    )
    focal_gamma: float = Field(2.0, ge=0, le=10, title="Focal γ", description="How strongly easy rows fade (focal).")
    class_weights: Literal["none", "balanced", "effective"] | dict[str, float] = Field(
        "none",
        title="Class weights",
        description="none, balanced (inverse frequency), effective (Cui et al. 2019), or a weight for each label.",
    )
    terms: tuple[TermConfig, ...] = Field((), title="Supervised terms", description="Terms added to the task loss.")

    @model_validator(mode="after")
    def _consistent(self) -> ObjectiveConfig:
        names = [term.name for term in self.terms]
        if len(set(names)) != len(names):
            raise ValueError("a supervised term may stand once only")
        if isinstance(self.class_weights, dict) and any(not w > 0 for w in self.class_weights.values()):
            raise ValueError("class weights must be above 0")
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


class TrainingConfig(Section):
    """How long and how the training runs."""

    task: TaskName = Field("classification", title="Task", description="What is learned from the labels.")
    epochs: int = Field(3, ge=1, le=1000, title="Epochs", description="Passes over the training part.")
    batch_size: int = Field(32, ge=1, le=4096, title="Batch size", description="Rows a step.")
    seed: int = Field(0, ge=0, le=2**31 - 1, title="Seed", description="Fixes the split, the order and all draws.")
    patience: int | None = Field(
        2, ge=1, title="Patience", description="Stop after so many epochs without a better score; never if empty."
    )
    monitor: Literal["macro_f1", "accuracy", "task_loss"] = Field(
        "macro_f1", title="Best by", description="Validation figure that chooses the best epoch."
    )
    mixed_precision: Literal["none", "bfloat16", "float16"] = Field(
        "none", title="Mixed precision", description="Number format of the backbone; none is 32-bit."
    )
    jit_compile: bool = Field(
        False, title="Compile (XLA)", description="Compile the step; pays on long runs with few text lengths."
    )
    length_buckets: bool = Field(
        True, title="Length buckets", description="Put texts of like length into one batch, which saves padding."
    )
    checkpoint_minutes: float = Field(
        10, gt=0, title="Checkpoint every", description="Minutes between checkpoints; one is made at each epoch too."
    )


class EvaluationConfig(Section):
    """What is measured on the test part."""

    bootstrap_samples: int = Field(
        1000, ge=100, le=100_000, title="Bootstrap samples", description="Resamples behind each 95 % interval."
    )
    calibration_bins: int = Field(
        15, ge=2, le=100, title="Calibration bins", description="Equal-width bins of the calibration error."
    )
    baselines: bool = Field(
        True, title="Baselines", description="Also score the majority class and TF-IDF + logistic regression."
    )
