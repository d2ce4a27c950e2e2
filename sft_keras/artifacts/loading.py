"""The model and the tokenizer of a bundle that was checked: looked into before they are loaded, and never unpickled."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sft_keras.artifacts.bundle import LABELS, MODEL, TOKENIZER, Bundle, damaged
from sft_keras.artifacts.model_file import RefusedModelError, check_model_file
from sft_keras.artifacts.tokenizer_file import RefusedTokenizerError, check_tokenizer_file, embedding_rows
from sft_keras.errors import ArtifactError

if TYPE_CHECKING:
    from sft_keras.preprocessing.tokenizer import TextTokenizer

INPUTS = {"token_ids", "segment_ids", "padding_mask"}


def load_model(bundle: Bundle) -> Any:
    """The bundle's Keras model, in safe mode and without a compile configuration.

    Raises:
        ArtifactError: It names or claims what no classifier needs, cannot be loaded, or does not fit the labels.
    """
    import keras

    from sft_keras.modeling import heads, ngrams  # noqa: F401 - registers the layers that the file names

    try:
        check_model_file(bundle.folder / MODEL)
    except RefusedModelError as error:
        raise _refused(bundle.folder / MODEL, error) from None
    except Exception as error:
        raise _not_loaded(bundle, error) from error
    try:
        model = keras.saving.load_model(bundle.folder / MODEL, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises many kinds; the files are intact, so the versions must differ
        raise _not_loaded(bundle, error) from error
    if not _fits(model, len(bundle.labels)):
        raise damaged(bundle.folder / MODEL, f"does not fit {LABELS}")
    return model


def load_tokenizer(bundle: Bundle, model: Any) -> TextTokenizer:
    """The bundle's tokenizer.

    Args:
        bundle: The bundle.
        model: Its model, which must know every id that the tokenizer gives.

    Raises:
        ArtifactError: It cannot be read, or must not be used with the model.
    """
    return _checked_tokenizer(bundle, embedding_rows(model))


def load_graph_tokenizer(bundle: Bundle) -> TextTokenizer:
    """The bundle's tokenizer for its graph, which refuses ids that it does not know when it is run.

    Raises:
        ArtifactError: It cannot be read, or must not be used.
    """
    return _checked_tokenizer(bundle, None)


def _checked_tokenizer(bundle: Bundle, rows: int | None) -> TextTokenizer:
    from sft_keras.preprocessing.tokenizer import TextTokenizer

    try:
        check_tokenizer_file(bundle.folder / TOKENIZER, rows)
    except RefusedTokenizerError as error:
        raise _refused(bundle.folder / TOKENIZER, error) from None
    return TextTokenizer.from_file(bundle.folder / TOKENIZER)


def _fits(model: Any, classes: int) -> bool:
    """Whether it takes tokens by name and gives a logit for each class."""
    inputs, output = getattr(model, "input", None), getattr(model, "output", None)
    named = isinstance(inputs, dict) and {"token_ids"} <= set(inputs) <= INPUTS
    return named and tuple(getattr(output, "shape", ())) == (None, classes)


def _versions(bundle: Bundle) -> str:
    found = bundle.information.get("versions")
    named = found.items() if isinstance(found, dict) else ()
    return ", ".join(f"{name} {number}" for name, number in named) or "(not told)"


def _not_loaded(bundle: Bundle, error: Exception) -> ArtifactError:
    return ArtifactError(
        f"The model cannot be loaded: {(str(error).splitlines() or [type(error).__name__])[0][:300]}",
        where=str(bundle.folder / MODEL),
        fix=f"If you trust where the bundle comes from, install what it was made with: {_versions(bundle)}.",
    )


def _refused(path: Path, reason: Exception) -> ArtifactError:
    return ArtifactError(
        f"The bundle is not safe to load: {path.name} {reason}.",
        where=str(path),
        fix="This version of sft-keras writes no such file. Get the bundle again from where it was made, "
        "or ask there how it was made.",
    )
