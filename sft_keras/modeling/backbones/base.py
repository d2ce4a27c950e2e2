"""What a backbone family offers, and how a name becomes one: preset, `hf://` handle or local folder.

This module and the listings in the family files import no Keras: names, sizes and languages can be shown
without loading it. Only `Family.tokenizer` and `Family.encoder` do.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sft_keras.config import ModelConfig
from sft_keras.errors import ConfigError, did_you_mean
from sft_keras.modeling.handles import declared_names, is_handle
from sft_keras.places import given_path
from sft_keras.registry import Registry

if TYPE_CHECKING:
    import numpy as np

    from sft_keras.modeling.heads import Pooling
    from sft_keras.preprocessing.tokenizer import TextTokenizer


@dataclass(frozen=True)
class Preset:
    """A backbone that is known by name.

    Attributes:
        name: What the person writes.
        parameters: Number of weights; None where it depends on the data.
        languages: In plain words.
        source: Where it comes from.
        licence: The weights' licence by its SPDX name, or in words if it has none.
        handle: What the family loads: a KerasHub preset name, or empty.
        package: An installed package whose folder holds the weights, preferred over the handle.
    """

    name: str
    parameters: int | None
    languages: str
    source: str
    licence: str
    handle: str = ""
    package: str = ""


@dataclass(frozen=True)
class Location:
    """Where a backbone is loaded from.

    Attributes:
        name: As the person wrote it.
        handle: What KerasHub's `from_preset` takes: a preset name, an `hf://` handle or a folder's path; empty for
            a family that learns everything from the data.
    """

    name: str
    handle: str

    @property
    def folder(self) -> Path | None:
        """The local folder, if it is one."""
        return Path(self.handle) if self.handle and Path(self.handle).is_dir() else None


@dataclass(frozen=True)
class Encoder:
    """A backbone ready to be composed with a head.

    Attributes:
        model: A functional model from named inputs to token vectors [batch, length, width].
        embeddings: The layers that hold the input embeddings.
        blocks: The layers that `top:N` counts, lowest first.
        hub_backbone: The KerasHub object behind it, if there is one.
        hub_tokenizer: The KerasHub tokenizer behind it, where ours does not hold all that it consists of.
        token_embedding: The Keras `Embedding` that is looked up by token ids and read in no other way, if there is one.
    """

    model: Any
    embeddings: tuple[Any, ...]
    blocks: tuple[Any, ...]
    hub_backbone: Any = None
    hub_tokenizer: Any = None
    token_embedding: Any = None


class Family(abc.ABC):
    """One architecture: its presets, its defaults, and how it is loaded.

    Attributes:
        name: The family's name, that of its file.
        architectures: Names under which `config.json` of a folder or a handle declares it.
        default_pooling: What `pooling: auto` means.
        default_learning_rate: What an empty learning rate means.
        default_dropout: What an empty dropout means.
        score_copies: Copies of the scores of attention that a layer keeps for the gradient.
        presets: The presets known by name.
    """

    name: str
    architectures: tuple[str, ...] = ()
    default_pooling: Pooling
    default_learning_rate: float
    default_dropout: float = 0.1
    score_copies: float = 2.5
    presets: tuple[Preset, ...] = ()

    @abc.abstractmethod
    def is_here(self, preset: Preset) -> bool:
        """Whether the preset can be loaded without a network."""

    @abc.abstractmethod
    def locate(self, preset: Preset) -> Location:
        """Where a preset of this family is loaded from."""

    @abc.abstractmethod
    def knows(self, handle: str) -> bool:
        """Whether the handle is one of this family beyond `presets`; may import KerasHub."""

    @abc.abstractmethod
    def tokenizer(self, location: Location, config: ModelConfig, texts: Sequence[str]) -> TextTokenizer:
        """The tokenizer of the backbone; `texts` is the training part, for families that learn it."""

    def light_tokenizer(self, location: Location, config: ModelConfig, texts: Sequence[str]) -> TextTokenizer | None:
        """The tokenizer, if it can be had at once, without Keras and without a network; else None."""
        del location, config, texts
        return None

    @abc.abstractmethod
    def encoder(
        self, location: Location, config: ModelConfig, tokenizer: TextTokenizer, *, dtype: str, seed: int
    ) -> Encoder:
        """The backbone with its weights; `dtype` is a Keras dtype policy."""

    def shaped_like(self, config: ModelConfig, weights: Sequence[np.ndarray]) -> ModelConfig:
        """The settings that give an encoder for these weights, for a family that is trained further without a preset.

        Args:
            config: The settings of the run.
            weights: What `get_weights` of a fine-tuned encoder of this family gave.
        """
        del weights
        return config

    def dropout(self, config: ModelConfig) -> float:
        """The dropout in the backbone: none where it is frozen, since above no trained weight it is only noise."""
        if config.trainable == "head":
            return 0.0
        return self.default_dropout if config.dropout is None else config.dropout

    def preset_writer(self, encoder: Encoder, tokenizer: TextTokenizer) -> Callable[[Path], None] | None:
        """Writes the backbone and its tokenizer as a KerasHub preset into a folder; None if there is no such form."""
        del encoder, tokenizer
        return None


FAMILIES: Registry[Family] = Registry("backbone family", "sft_keras.modeling.backbones")


@dataclass(frozen=True)
class Backbone:
    """A family together with the place that one of its members is loaded from."""

    family: Family
    location: Location

    def pooling(self, config: ModelConfig) -> Pooling:
        """The configured pooling, or the family's default."""
        return self.family.default_pooling if config.pooling == "auto" else config.pooling


def known_presets() -> dict[str, tuple[Family, Preset]]:
    """Every preset that is known by name."""
    return {preset.name: (family, preset) for _, family in FAMILIES.items() for preset in family.presets}


def presets_here() -> list[str]:
    """Names of the presets that need no network."""
    return [name for name, (family, preset) in known_presets().items() if family.is_here(preset)]


def resolve_backbone(name: str) -> Backbone:
    """Finds the family and the place for what a person wrote.

    Raises:
        ConfigError: The name is no preset, handle or folder of a family that is supported.
    """
    presets = known_presets()
    if name in presets:
        family, preset = presets[name]
        return Backbone(family, family.locate(preset))
    folder = given_path(name, "model.backbone")
    if folder.is_dir():
        return Backbone(family_of_folder(folder), Location(name, str(folder.resolve())))
    if folder.exists() or name.startswith((".", "/", "~")):
        raise ConfigError(
            f'There is no backbone folder at "{name}".',
            where="model.backbone",
            fix="Give a folder with config.json and weights, or a name from `sft-keras backbones`.",
        )
    if is_handle(name):
        return Backbone(_declared_family(name), Location(name, name))
    for _, family in FAMILIES.items():
        if family.knows(name):
            return Backbone(family, Location(name, name))
    here = presets_here()
    raise ConfigError(
        f'There is no backbone "{name}".',
        where="model.backbone",
        fix=f"{did_you_mean(name, presets)} Here without a network: {', '.join(here)}.",
    )


def family_of_folder(folder: Path) -> Family:
    """The family of the preset in a folder.

    Raises:
        ConfigError: It holds no preset, or none of a family that is supported.
    """
    return _declared_family(str(folder))


def _declared_family(name: str) -> Family:
    """The family of a folder or a handle by what its `config.json` declares."""
    names = declared_names(name)
    for _, family in FAMILIES.items():
        if names & set(family.architectures):
            return family
    supported = sorted(a for _, family in FAMILIES.items() for a in family.architectures)
    raise ConfigError(
        f"The architecture is not supported. Received: {', '.join(sorted(names)) or '(none declared)'}",
        where=f"{name}/config.json",
        fix=f"Supported: {', '.join(supported)}.",
    )
