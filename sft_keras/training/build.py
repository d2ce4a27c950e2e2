"""From a configuration to a model that can be fitted: backbone, head, objective and optimizer."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np

from sft_keras.config import RunConfig
from sft_keras.data.labels import Labels
from sft_keras.modeling.backbones.base import Backbone, Encoder
from sft_keras.modeling.fine_tune_model import FineTuneModel, freeze
from sft_keras.modeling.layers import with_layers
from sft_keras.modeling.lora import add_lora, merged_weights
from sft_keras.preprocessing.tokenizer import TextTokenizer
from sft_keras.tasks.base import TASKS
from sft_keras.training.optimizers import LossScaling, build_optimizer, layer_shares

# Factors that start at zero want a higher rate than pretrained weights: Hu et al. (2021, table 9) take 10 to 20 times
# that of full fine-tuning.
LORA_RATE_FACTOR = 10
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
    """

    config: RunConfig
    backbone: Backbone
    tokenizer: TextTokenizer
    labels: Labels
    targets: np.ndarray

    @property
    def steps_per_epoch(self) -> int:
        """Updates of the weights in an epoch."""
        return -(-len(self.targets) // self.config.training.batch_size)


@dataclass(frozen=True)
class Built:
    """A compiled model and the backbone within it."""

    encoder: Encoder
    model: FineTuneModel


def build(recipe: Recipe) -> Built:
    """The model as it is trained, with an optimizer whose variables exist.

    Raises:
        ConfigError: A setting does not fit the backbone.
    """
    config, options = recipe.config, recipe.config.training
    policy = DTYPE_POLICIES[options.mixed_precision]
    keras.utils.set_random_seed(options.seed)
    encoder = _encoder(recipe, policy)
    freeze(encoder, config.model)
    if config.model.lora_rank:
        add_lora(encoder, config.model.lora_rank, seed=options.seed)
    model = build_on(recipe, encoder)
    compile_model(recipe, Built(encoder, model))
    return Built(encoder, model)


def compile_model(recipe: Recipe, built: Built) -> None:
    """Gives a model its optimizer, whose variables exist then, so that a checkpoint can be read into it."""
    config, options = recipe.config, recipe.config.training
    built.model.accumulation_steps = options.accumulation_steps
    decay = config.optimizer.layer_decay
    optimizer = build_optimizer(
        config.optimizer,
        default_rate=recipe.backbone.family.default_learning_rate * (LORA_RATE_FACTOR if config.model.lora_rank else 1),
        total_steps=recipe.steps_per_epoch * options.epochs,
        accumulation_steps=options.accumulation_steps,
        share_of=layer_shares(built.encoder, decay) if decay < 1 else None,
    )
    if DTYPE_POLICIES[options.mixed_precision] == "mixed_float16":
        optimizer = LossScaling(optimizer)  # Keras scales by itself only where the whole model has the policy
    # Without compiling, JAX would carry out each operation by itself.
    built.model.compile(optimizer=optimizer, jit_compile=options.jit_compile or keras.config.backend() == "jax")
    optimizer.build(built.model.trainable_variables)


def finished(recipe: Recipe, built: Built) -> Built:
    """The model as it is kept: with plain merged weights, and in 32-bit, which every processor has and is quick in."""
    config = recipe.config
    if config.training.mixed_precision == "none" and not config.model.lora_rank:
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
    return recipe.backbone.family.encoder(
        recipe.backbone.location,
        recipe.config.model,
        recipe.tokenizer,
        dtype=policy,
        seed=recipe.config.training.seed,
    )


def build_on(recipe: Recipe, encoder: Encoder) -> FineTuneModel:
    """Head and objective on a backbone."""
    return TASKS.get(recipe.config.training.task).build_model(
        recipe.backbone,
        encoder,
        recipe.config,
        labels=recipe.labels,
        targets=recipe.targets,
        steps_per_epoch=recipe.steps_per_epoch,
    )
