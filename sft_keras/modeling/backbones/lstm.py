"""A bidirectional LSTM that learns its vocabulary from the training part: small, any language, no download."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sft_keras.config import ModelConfig
from sft_keras.data.scripts import mostly_unspaced
from sft_keras.errors import ConfigError
from sft_keras.modeling.backbones.base import FAMILIES, Encoder, Family, Location, Preset
from sft_keras.places import given_path
from sft_keras.preprocessing.tokenizer import TextTokenizer, Unit, learn_tokenizer


class Lstm(Family):
    """Token and hashed bigram embeddings (zero is masked), dropout, one bidirectional LSTM beside them.

    The sum of the embeddings goes around the LSTM too (wide and deep, Cheng et al. 2016): the pooling makes a bag of
    n-grams of it as in fastText (Joulin et al. 2017), which a few thousand texts suffice to learn.
    """

    name = "lstm"
    default_pooling = "mean_max"
    default_learning_rate = 2e-3
    default_dropout = 0.5  # a few thousand texts are soon learned by heart
    presets = (Preset("lstm", None, "any (learned from your data)", "trained from scratch", "Apache-2.0"),)

    def is_here(self, preset: Preset) -> bool:
        del preset
        return True

    def locate(self, preset: Preset) -> Location:
        return Location(preset.name, "")

    def knows(self, handle: str) -> bool:
        del handle
        return False

    def tokenizer(self, location: Location, config: ModelConfig, texts: Sequence[str]) -> TextTokenizer:
        del location
        unit: Unit = "characters" if mostly_unspaced(texts) else "words"
        return learn_tokenizer(texts, unit=unit, vocabulary_size=config.lstm_vocabulary_size)

    def light_tokenizer(self, location: Location, config: ModelConfig, texts: Sequence[str]) -> TextTokenizer:
        return self.tokenizer(location, config, texts)

    def encoder(
        self, location: Location, config: ModelConfig, tokenizer: TextTokenizer, *, dtype: str, seed: int
    ) -> Encoder:
        del location
        import keras

        from sft_keras.modeling.ngrams import HashedNgrams

        vectors = None
        if config.word_vectors:
            vectors = read_word_vectors(
                given_path(config.word_vectors, "model.word_vectors"), tokenizer.vocabulary, seed
            )
        width = config.lstm_embedding_dim if vectors is None else vectors.shape[1]
        token_ids = keras.Input((None,), dtype="int32", name="token_ids")
        uniform = keras.initializers.RandomUniform(-0.05, 0.05, seed=seed)
        embedding = keras.layers.Embedding(
            tokenizer.vocabulary_size,
            width,
            mask_zero=True,
            embeddings_initializer=uniform,
            dtype=dtype,
            name="token_embedding",
        )
        hidden = embedding(token_ids)
        if vectors is not None:
            embedding.set_weights([vectors])
        embeddings = [embedding]
        if config.lstm_bigram_buckets:
            of_pairs = keras.layers.Embedding(
                config.lstm_bigram_buckets,
                width,
                mask_zero=True,
                embeddings_initializer="zeros",  # a pair that was never seen in training says nothing
                dtype=dtype,
                name="bigram_embedding",
            )
            embeddings.append(of_pairs)
            pairs = HashedNgrams(2, config.lstm_bigram_buckets, name="bigrams")(token_ids)
            hidden = keras.layers.Add(dtype=dtype, name="token_and_bigram")([hidden, of_pairs(pairs)])
        rate = self.dropout(config)
        hidden = keras.layers.Dropout(rate, seed=seed, dtype=dtype, name="embeddings_dropout")(hidden)
        lstm = keras.layers.LSTM(
            config.lstm_units,
            return_sequences=True,
            kernel_initializer=keras.initializers.GlorotUniform(seed=seed),
            recurrent_initializer=keras.initializers.Orthogonal(seed=seed),
            dtype=dtype,
            seed=seed,
        )
        layer = keras.layers.Bidirectional(lstm, dtype=dtype, name="lstm")
        states = layer(hidden)
        if config.lstm_bigram_buckets:
            # The LSTM learns a few thousand texts by heart, and then the bag beside it would learn nothing more. So
            # for some texts of a batch all that the LSTM says is dropped.
            whole = keras.layers.Dropout(rate, noise_shape=(None, 1, 1), seed=seed, dtype=dtype, name="lstm_dropout")
            states = whole(states)
            states = keras.layers.Concatenate(dtype=dtype, name="wide_and_deep")([hidden, states])
        model = keras.Model({"token_ids": token_ids}, states, name="backbone")
        return Encoder(model, tuple(embeddings), (layer,))

    def shaped_like(self, config: ModelConfig, weights: Sequence[np.ndarray]) -> ModelConfig:
        # Vectors from a file had a width of their own, and are among the weights by now.
        return config.model_copy(update={"lstm_embedding_dim": int(weights[0].shape[1]), "word_vectors": None})


def read_word_vectors(path: Path, vocabulary: dict[str, int], seed: int) -> np.ndarray:
    """Vectors for the tokens of a vocabulary from a file in GloVe or word2vec text format.

    Args:
        path: One token a line, then its numbers, separated by spaces; word2vec's first line (two numbers) is skipped.
        vocabulary: Token to row.
        seed: For the small random vectors of tokens that the file does not have.

    Returns:
        float32 of shape [len(vocabulary), width]; row 0 (padding) is zero.

    Raises:
        ConfigError: The file is missing, has lines of differing width, or holds no token of the vocabulary.
    """
    found: dict[int, np.ndarray] = {}
    width = 0
    try:
        with path.open(encoding="utf-8", errors="replace") as lines:
            for number, line in enumerate(lines, start=1):
                fields = line.rstrip().split(" ")
                if number == 1 and len(fields) == 2:
                    continue
                width = width or len(fields) - 1
                # Only lines of known tokens are parsed; such files have millions of others, some of several words.
                index = vocabulary.get(" ".join(fields[: max(1, len(fields) - width)]))
                if index is None:
                    continue
                try:
                    values = np.asarray(fields[1:], dtype=np.float32)
                except ValueError:
                    values = np.empty(0, dtype=np.float32)
                if len(values) != width or not np.isfinite(values).all() or width == 0:
                    raise ConfigError(
                        f"A word vector must hold {width} numbers. Received: {len(fields) - 1} fields",
                        where=f"{path}, line {number}",
                        fix="Give a file in GloVe or word2vec text format.",
                    )
                found[index] = values
    except OSError as error:
        raise ConfigError(
            f"The word vectors cannot be read: {error.strerror}", where=str(path), fix="Check model.word_vectors."
        ) from None
    if not found:
        raise ConfigError(
            "The file of word vectors holds no word of the training texts.",
            where=str(path),
            fix="Give vectors of the same language, in text format, in lower case.",
        )
    matrix = np.random.default_rng(seed).normal(0, 0.05, (len(vocabulary), width)).astype(np.float32)
    for index, values in found.items():
        matrix[index] = values
    matrix[0] = 0
    return matrix


FAMILIES.add("lstm", Lstm())
