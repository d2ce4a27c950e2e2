"""From a configuration to a model that can be fitted: backbone, head, objective and optimizer."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from sft_keras.config import RunConfig
from sft_keras.data.examples import Examples
from sft_keras.data.labels import Labels
from sft_keras.modeling.backbones.base import Backbone, Encoder, resolve_backbone
from sft_keras.modeling.cut import Cut, cut_below
from sft_keras.modeling.fine_tune_model import FineTuneModel, freeze
from sft_keras.modeling.layers import with_layers
from sft_keras.modeling.lora import add_lora, merged_weights
from sft_keras.modeling.starting_point import HEAD, StartingPoint
from sft_keras.preprocessing.batches import fixed_length, pad_batch
from sft_keras.preprocessing.token_rows import TokenRows
from sft_keras.preprocessing.tokenizer import TextTokenizer
from sft_keras.tasks.base import TASKS
from sft_keras.training.optimizers import LossScaling, build_optimizer, layer_shares
from sft_keras.training.progress import ProgressSink
from sft_keras.training.used_rows import used_rows

# Factors that start at zero want a higher rate than pretrained weights: Hu et al. (2021, table 9) take 10 to 20 times
# that of full fine-tuning.
LORA_RATE_FACTOR = 10
# A head that is drawn anew on vectors that stand still is a convex problem: Adam can take long steps.
HEAD_RATE = 1e-2
# With more to keep than this, 4 GiB, lower layers that stand still are computed at each step.
LARGEST_STATES = 2**32
DTYPE_POLICIES = {"none": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}


@dataclass(frozen=True)
class Recipe:
    """What a model is built from; the same recipe gives the same first weights.

    Attributes:
        config: The whole configuration.
        backbone: Where the backbone comes from.
        tokenizer: Its tokenizer.
        labels: The labels.
        targets: Class ids of the training part, int32, shape [rows].
        start: The fine-tuned model to go on from; None for the backbone as it was pretrained.
        ids: Token ids of each training text, int32 [tokens]; None where the model does not read tokens.
    """

    config: RunConfig
    backbone: Backbone
    tokenizer: TextTokenizer
    labels: Labels
    targets: np.ndarray
    start: StartingPoint | None = None
    ids: TokenRows | None = None

    @classmethod
    def of(cls, config: RunConfig, training: Examples, start: StartingPoint | None, sink: ProgressSink) -> Recipe:
        """Finds the backbone and the labels.

        Args:
            config: The whole configuration; epochs that follow from the rows become a number.
            training: The rows to learn from; a vocabulary that is learned comes from them alone.
            start: The fine-tuned model to go on from.
            sink: Hears which backbone it is.

        Raises:
            ConfigError: The backbone is not to be had.
        """
        labels = start.labels_with(training.labels) if start else Labels.of(training.labels)
        config = config.for_rows(len(training), len(labels))
        backbone = start.backbone if start else resolve_backbone(config.model.backbone)
        location = backbone.location
        origin = start.origin if start else location.handle or "trained from scratch"
        sink.event("log", message=f"Backbone: {location.name} ({origin}).")
        tokenizer = start.tokenizer if start else backbone.family.tokenizer(location, config.model, training.texts)
        return cls(config, backbone, tokenizer, labels, labels.encode(training.labels), start)

    @property
    def steps_per_epoch(self) -> int:
        """Updates of the weights in an epoch."""
        return -(-len(self.targets) // self.config.training.batch_size)


@dataclass(frozen=True)
class Built:
    """A model and the backbone within it.

    Attributes:
        encoder: The whole backbone.
        model: The whole model.
        cut: The backbone in two parts, where the lower one stands still and its outputs can be computed once.
        on_cut: The model from those outputs on, which shares the backbone's layers and has a head of its own.
    """

    encoder: Encoder
    model: FineTuneModel
    cut: Cut | None = None
    on_cut: FineTuneModel | None = None

    @property
    def fitted(self) -> FineTuneModel:
        """The model that is compiled and trained."""
        return self.on_cut or self.model


def build(recipe: Recipe) -> Built:
    """The model as it is trained, with an optimizer whose variables exist.

    Raises:
        ConfigError: A setting does not fit the backbone.
    """
    config, options = recipe.config, recipe.config.training
    policy = DTYPE_POLICIES[options.mixed_precision]
    keras.utils.set_random_seed(options.seed)
    encoder = _encoder(recipe, policy)
    _draw_from_layers(encoder)
    freeze(encoder, config.model)
    if config.model.lora_rank:
        add_lora(encoder, config.model.lora_rank, seed=options.seed)
    cut = _cut(recipe, encoder)
    built = Built(encoder, build_on(recipe, encoder), cut, build_on(recipe, cut.above) if cut else None)
    compile_model(recipe, cut.above if cut else encoder, built.fitted)
    return built


def _draw_from_layers(encoder: Encoder) -> None:
    """Dropout draws from the state of its layer, which a checkpoint holds.

    For a layer without a seed of its own, torch would draw from a state of the process, and a resumed training would be
    another one.
    """
    if keras.config.backend() != "torch":
        return
    for layer in encoder.model._flatten_layers():
        drawn = getattr(layer, "seed_generator", None)
        if drawn is not None and drawn._initial_seed is None:
            drawn._initial_seed = int(ops.convert_to_numpy(drawn.state)[0])


def _cut(recipe: Recipe, encoder: Encoder) -> Cut | None:
    """The parts of a backbone whose lower layers stand still, if there is room for what the lower one gives."""
    ids = recipe.ids
    if ids is None or 4 * len(ids.tokens) * encoder.model.output.shape[-1] > LARGEST_STATES:
        return None
    longest = ids[int(ids.lengths.argmax())]
    pair = [longest, longest[: max(1, len(longest) // 2)]]
    return cut_below(encoder, pad_batch(pair, recipe.tokenizer.pad_id, length=fixed_length(encoder.model)))


def compile_model(recipe: Recipe, encoder: Encoder, model: FineTuneModel) -> None:
    """Gives a model its optimizer, whose variables exist then, so that a checkpoint can be read into it."""
    config, options = recipe.config, recipe.config.training
    model.accumulation_steps = options.accumulation_steps
    decay = config.optimizer.layer_decay
    optimizer = build_optimizer(
        config.optimizer,
        default_rate=_default_rate(recipe),
        total_steps=recipe.steps_per_epoch * options.epoch_count,
        accumulation_steps=options.accumulation_steps,
        share_of=layer_shares(encoder, decay) if decay < 1 else None,
        used=None if recipe.ids is None else used_rows(encoder, recipe.ids, recipe.tokenizer.pad_id),
    )
    if DTYPE_POLICIES[options.mixed_precision] == "mixed_float16":
        optimizer = LossScaling(optimizer)  # Keras scales by itself only where the whole model has the policy
    # Without compiling, JAX would carry out each operation by itself.
    model.compile(optimizer=optimizer, jit_compile=options.jit_compile or keras.config.backend() == "jax")
    optimizer.build(model.trainable_variables)


def _default_rate(recipe: Recipe) -> float:
    """What an empty learning rate means: that of the family is for weights that were pretrained."""
    model, usual = recipe.config.model, recipe.backbone.family.default_learning_rate
    if model.trainable == "head":
        return HEAD_RATE
    return usual * LORA_RATE_FACTOR if model.lora_rank else usual


def finished(recipe: Recipe, built: Built) -> Built:
    """The model as it is kept: with plain merged weights, and in 32-bit, which every processor has and is quick in."""
    config = recipe.config
    if built.on_cut:
        built.model.get_layer(HEAD).set_weights(built.on_cut.get_layer(HEAD).get_weights())
    # Keras cannot save a backbone whose input begins a second model, as a cut makes it.
    if config.training.mixed_precision == "none" and not config.model.lora_rank and not built.cut:
        return built
    weights = merged_weights(built.model)
    encoder = _encoder(recipe, "float32")
    model = build_on(recipe, encoder)
    model.set_weights(weights)
    return Built(encoder, model)


def _encoder(recipe: Recipe, policy: str) -> Encoder:
    encoder = load_encoder(recipe, policy)
    return with_layers(encoder, recipe.config.model.pooled_layers)


def load_encoder(recipe: Recipe, policy: str = "float32") -> Encoder:
    """The backbone with its weights and all its layers; `policy` is a Keras dtype policy."""
    model, start = recipe.config.model, recipe.start
    encoder = recipe.backbone.family.encoder(
        recipe.backbone.location,
        start.config(model) if start else model,
        recipe.tokenizer,
        dtype=policy,
        seed=recipe.config.training.seed,
    )
    if start:
        start.load_encoder(encoder)
    return encoder


def build_on(recipe: Recipe, encoder: Encoder) -> FineTuneModel:
    """Head and objective on a backbone."""
    model = TASKS.get(recipe.config.training.task).build_model(
        recipe.backbone,
        encoder,
        recipe.config,
        labels=recipe.labels,
        targets=recipe.targets,
        steps_per_epoch=recipe.steps_per_epoch,
    )
    if recipe.start:
        recipe.start.load_head(model, recipe.labels)
    return model
