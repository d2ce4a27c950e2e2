"""What all families from KerasHub share: finding a preset, its tokenizer, the encoder, writing a preset again.

A family's file only declares: the name of its KerasHub classes, its presets and defaults, and its special tokens.
"""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sft_keras.backend import load_backend
from sft_keras.config import ModelConfig
from sft_keras.errors import ConfigError
from sft_keras.modeling.backbones.base import Encoder, Family, Location, Preset, presets_here
from sft_keras.modeling.handles import hugging_face_file
from sft_keras.preprocessing.subwords import byte_pair_tokenizer, sentencepiece_tokenizer
from sft_keras.preprocessing.tokenizer import TextTokenizer, wordpiece_tokenizer

if TYPE_CHECKING:
    from sft_keras.modeling.heads import Pooling

TOKENIZER_FILE = "tokenizer.json"


def hub_preset(name: str, parameters: int, languages: str, licence: str) -> Preset:
    """A preset that KerasHub downloads from Kaggle by its own name."""
    return Preset(name, parameters, languages, "KerasHub (Kaggle)", licence, handle=name)


class HubFamily(Family):
    """A family whose backbone and tokenizer are KerasHub's, composed with our own pooling and head.

    Attributes:
        hub_name: What the names of KerasHub's classes begin with: `Bert` for `BertBackbone` and `BertTokenizer`.
        special_tokens: The tokens before and after each text.
        embedding_layers: Names of the layers below the first block.
    """

    hub_name: str
    default_pooling: Pooling = "mean"
    special_tokens = ("[CLS]", "[SEP]")
    embedding_layers: tuple[str, ...] = (
        "token_embedding",
        "position_embedding",
        "segment_embedding",
        "embeddings_layer_norm",
    )

    def is_here(self, preset: Preset) -> bool:
        return _package_folder(preset.package) is not None or _in_kaggle_cache(preset.handle)

    def locate(self, preset: Preset) -> Location:
        folder = _package_folder(preset.package)
        return Location(preset.name, str(folder) if folder else preset.handle)

    def knows(self, handle: str) -> bool:
        load_backend()
        backbone = _hub_class(f"{self.hub_name}Backbone")
        # KerasHub lists the presets of a subclass (XLM-RoBERTa) with those of its base class (RoBERTa) too.
        return handle in backbone.presets and not any(handle in sub.presets for sub in backbone.__subclasses__())

    def tokenizer(self, location: Location, config: ModelConfig, texts: Sequence[str]) -> TextTokenizer:
        del config, texts
        file = (
            location.folder / TOKENIZER_FILE if location.folder else hugging_face_file(location.handle, TOKENIZER_FILE)
        )
        if file and _is_rust_tokenizer(file):
            return TextTokenizer.from_file(file).packed(*self.special_tokens)
        return _text_tokenizer(_fetch(location, _hub_class(f"{self.hub_name}Tokenizer").from_preset), location.name)

    def light_tokenizer(self, location: Location, config: ModelConfig, texts: Sequence[str]) -> TextTokenizer | None:
        here = location.folder is not None and _is_rust_tokenizer(location.folder / TOKENIZER_FILE)
        return self.tokenizer(location, config, texts) if here else None

    def encoder(
        self, location: Location, config: ModelConfig, tokenizer: TextTokenizer, *, dtype: str, seed: int
    ) -> Encoder:
        del seed

        dropout = self.dropout(config)
        backbone = _fetch(location, _hub_class(f"{self.hub_name}Backbone").from_preset, dropout=dropout, dtype=dtype)
        longest = backbone.get_config()["max_sequence_length"]
        if config.max_length > longest:
            raise ConfigError(
                f"{location.name} reads at most {longest} tokens. Received: model.max_length={config.max_length}",
                where="model.max_length",
                fix=f"Set it to {longest} or less.",
            )
        model = self.token_vectors(backbone, config)
        embeddings = tuple(layer for layer in backbone.layers if layer.name in self.embedding_layers)
        return Encoder(
            model,
            embeddings,
            self.blocks(backbone, config),
            backbone,
            self._own_tokenizer(location, tokenizer),
            _token_embedding(embeddings, backbone.get_config()),
        )

    def token_vectors(self, backbone: Any, config: ModelConfig) -> Any:
        """The model from named inputs to token vectors; one that takes a single length declares it in its inputs."""
        del config
        import keras

        sequence = backbone.output
        if isinstance(sequence, dict):
            # The model's own pooler is not used: pooling is ours, and a layer without gradient would only warn.
            backbone.get_layer("pooled_dense").trainable = False
            sequence = sequence["sequence_output"]
        return keras.Model(backbone.input, sequence, name="backbone")

    def blocks(self, backbone: Any, config: ModelConfig) -> tuple[Any, ...]:
        """The layers that `top:N` counts, lowest first."""
        del config
        return tuple(backbone.transformer_layers)

    def preset_writer(self, encoder: Encoder, tokenizer: TextTokenizer) -> Callable[[Path], None]:
        def write(folder: Path) -> None:
            encoder.hub_backbone.save_to_preset(str(folder))
            hub_tokenizer = encoder.hub_tokenizer or self._tokenizer_from(tokenizer)
            if hub_tokenizer is not None:
                hub_tokenizer.save_to_preset(str(folder))

        return write

    def _own_tokenizer(self, location: Location, tokenizer: TextTokenizer) -> Any:
        """KerasHub's tokenizer, where it cannot be made again from ours; None if the folder does not have it."""
        if tokenizer.kind != "Unigram":
            return None
        try:
            return _fetch(location, _hub_class(f"{self.hub_name}Tokenizer").from_preset)
        except ConfigError:  # a folder with nothing but tokenizer.json
            return None

    def _tokenizer_from(self, tokenizer: TextTokenizer) -> Any:
        """KerasHub's tokenizer with the vocabulary of ours; None if that is not enough."""
        make = _hub_class(f"{self.hub_name}Tokenizer")
        if tokenizer.kind == "WordPiece":
            tokens = sorted(tokenizer.vocabulary, key=tokenizer.vocabulary.__getitem__)
            lower = tokenizer.is_lowercase
            return make(vocabulary=tokens, lowercase=lower, strip_accents=lower)
        if tokenizer.kind == "BPE":
            return make(vocabulary=tokenizer.vocabulary, merges=tokenizer.merges)
        return None


def _hub_class(name: str) -> Any:
    import keras_hub

    return getattr(keras_hub.models, name)


def _text_tokenizer(loaded: Any, source: str) -> TextTokenizer:
    """Our tokenizer with the ids of KerasHub's; a preset may bring another kind than its family usually has."""
    import keras_hub

    if isinstance(loaded, keras_hub.tokenizers.WordPieceTokenizer):
        return wordpiece_tokenizer(loaded.get_vocabulary(), lowercase=bool(loaded.lowercase))
    packing = {"start": loaded.start_token, "end": loaded.end_token}
    if isinstance(loaded, keras_hub.tokenizers.BytePairTokenizer):
        special, pad_id = loaded.special_tokens, loaded.pad_token_id
        return byte_pair_tokenizer(loaded.vocabulary, loaded.merges, special=special, pad_id=pad_id, **packing)
    fairseq = isinstance(loaded, keras_hub.models.XLMRobertaTokenizer)
    return sentencepiece_tokenizer(loaded.proto, pad=loaded.pad_token, fairseq_ids=fairseq, source=source, **packing)


def as_one_layer(model: Any, length: int | None = None) -> Any:
    """A model with this one as its only layer, for inputs of exactly `length` tokens, or of any length."""
    import keras

    inputs = {name: keras.Input((length,), dtype="int32", name=name) for name in model.input}
    return keras.Model(inputs, model(inputs), name="backbone")


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


def _token_embedding(layers: Sequence[Any], config: Mapping[str, Any]) -> Any:
    """The `Embedding` over the vocabulary, also where it lies within another layer."""
    import keras

    vocabulary = config.get("vocabulary_size", config.get("vocab_size"))  # the latter is ELECTRA's
    within = (each for layer in layers for each in layer._flatten_layers() if isinstance(each, keras.layers.Embedding))
    return next((each for each in within if each.input_dim == vocabulary), None)
