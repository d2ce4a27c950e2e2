"""Training further from a bundle: recognising one by its path, the settings that follow it, and reading it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sft_keras.artifacts.bundle import MANIFEST, PRESET, TOKENIZER, Bundle, file_sha256, read_bundle
from sft_keras.artifacts.loading import load_model
from sft_keras.config import ModelConfig, RunConfig
from sft_keras.errors import ArtifactError, ConfigError
from sft_keras.modeling.backbones.base import FAMILIES, Backbone, Location, family_of_folder, known_presets
from sft_keras.modeling.starting_point import HEAD, StartingPoint
from sft_keras.places import given_path
from sft_keras.preprocessing.tokenizer import TextTokenizer


def bundle_named(backbone: str) -> Bundle | None:
    """The checked bundle that `model.backbone` names, by its folder or that of its run; None if it is something else.

    Raises:
        ArtifactError: It is a bundle, but damaged or from a newer version, or a run without one.
    """
    if backbone in known_presets():
        return None
    folder = given_path(backbone, "model.backbone")
    if any((folder / name).is_file() for name in (MANIFEST, f"bundle/{MANIFEST}", "status.json")):
        return read_bundle(folder)
    return None


def fingerprint(bundle: Bundle) -> str:
    """Identifies a bundle: the SHA-256 of its manifest, which holds that of every other file."""
    return file_sha256(bundle.folder / MANIFEST)


def config_from(bundle: Bundle, config: RunConfig) -> RunConfig:
    """The settings of a further training: place and fingerprint of the bundle, and the shape of its model.

    Raises:
        ConfigError: A setting asks for another shape or another bundle.
        ArtifactError: The bundle's family is not known.
    """
    asked, had, default = config.model, bundle.config.model, ModelConfig()
    found = fingerprint(bundle)
    if asked.bundle_sha256 not in (None, found):
        raise ConfigError(
            f"The bundle is not the one that the settings name. Received: model.bundle_sha256={asked.bundle_sha256}",
            where=str(bundle.folder),
            fix="Give the bundle that was meant, or leave out model.bundle_sha256.",
        )
    kept = {name: getattr(had, name) for name in ModelConfig.model_fields if name.startswith("lstm_")}
    kept |= {"word_vectors": had.word_vectors, "pooling": backbone_of(bundle).pooling(had)}
    kept["pooled_layers"] = had.pooled_layers
    for name, value in kept.items():
        given = getattr(asked, name)
        if given not in (value, getattr(default, name)):
            raise ConfigError(
                f"The bundle was made with model.{name}={value}, which cannot change. Received: {given}",
                where=str(bundle.folder),
                fix=f"Leave out model.{name}.",
            )
    if asked.max_length == default.max_length:
        kept["max_length"] = had.max_length
    kept |= {"backbone": str(bundle.folder.resolve()), "bundle_sha256": found}
    return config.model_copy(update={"model": asked.model_copy(update=kept)})


def recorded_bundle(config: ModelConfig) -> Bundle | None:
    """The bundle that a run began from, as it was then; None if it began from something else.

    Raises:
        ArtifactError: It is gone, or was changed.
    """
    if config.bundle_sha256 is None:
        return None
    fix = "Put it back as it was to resume the run, or start a new one."
    try:
        bundle = read_bundle(Path(config.backbone))
    except ArtifactError as error:
        problem = f"The bundle that this run began from cannot be used: {error.problem}"
        raise ArtifactError(problem, where=error.where, fix=fix) from None
    if fingerprint(bundle) != config.bundle_sha256:
        raise ArtifactError("The bundle that this run began from was changed.", where=str(bundle.folder), fix=fix)
    return bundle


def backbone_of(bundle: Bundle) -> Backbone:
    """The family of a bundle's model, and the place that its encoder is built from; loads nothing.

    Raises:
        ArtifactError: The family is not known here.
    """
    name = str(bundle.information.get("backbone", bundle.config.model.backbone))
    preset = bundle.folder / PRESET
    if any(name.startswith(f"{PRESET}/") for name in bundle.files):
        return Backbone(family_of_folder(preset), Location(name, str(preset.resolve())))
    family = str(bundle.information.get("family", name))
    if family not in FAMILIES.names():
        raise ArtifactError(
            f'There is no backbone family "{family}" to go on with.',
            where=str(bundle.folder / MANIFEST),
            fix="Go on from it with the version of sft-keras that made it, or train anew.",
        )
    return Backbone(FAMILIES.get(family), Location(name, ""))


def read_starting_point(bundle: Bundle) -> StartingPoint:
    """What a further training takes over from a bundle; loads its model in safe mode.

    Raises:
        ArtifactError: The model cannot be loaded, or has no head to go on with.
    """
    backbone = backbone_of(bundle)
    model = load_model(bundle)
    kernel, bias = _weights(model, HEAD, bundle)
    return StartingPoint(
        backbone,
        TextTokenizer.from_file(bundle.folder / TOKENIZER),
        bundle.labels,
        head=(kernel, bias),
        encoder_weights=None if backbone.location.folder else _weights(model, "backbone", bundle),
        origin=str(bundle.folder),
    )


def _weights(model: Any, layer: str, bundle: Bundle) -> list[Any]:
    try:
        return list(model.get_layer(layer).get_weights())
    except ValueError:
        raise ArtifactError(
            f'The model of the bundle has no part "{layer}" to go on with.',
            where=str(bundle.folder),
            fix="Go on from it with the version of sft-keras that made it, or train anew.",
        ) from None
