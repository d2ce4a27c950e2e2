"""Looks into a `model.keras` before Keras loads it: what it unpacks to, which classes it names, how much it claims.

Keras's safe mode refuses code, but builds whatever it is told: layers that read files, and models of any size. A
classifier needs neither. The lists below name modules, not layers, so that a new backbone family needs no entry.
"""

from __future__ import annotations

import importlib
import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

METADATA, CONFIG, WEIGHTS = "metadata.json", "config.json", "model.weights.h5"
MOST_CONFIG_BYTES = 8 * 2**20
# Keras stores the weights as they are; one that was packed by hand may hold many zeros.
MOST_EXPANSION = 20
# Random states are counted in a model, and not all of them are kept in its file.
UNSAVED_NUMBERS = 10_000
# Where the file says that a class is found.
NAMED_MODULES = re.compile(
    r"keras(\.(layers|models|initializers|regularizers|constraints|dtype_policies|activations))?"
    r"|keras\.src\.(models\.functional|ops\.(numpy|nn|core)|layers(\.\w+)+)"
    r"|keras_hub\.(layers|src\.layers\.modeling\.\w+|src\.models\.\w+\.\w+)"
    r"|sft_keras\.modeling(\.\w+)+"
)
# Where it must turn out to be defined. Layers that turn files or raw text into something are not among them, and
# neither are those that run a saved graph or a Python function.
DEFINING_MODULES = re.compile(
    r"keras\.src\.layers\.(?!preprocessing|core\.lambda_layer)\w+(\.\w+)*"
    r"|keras\.src\.(models\.functional|ops\.(numpy|nn|core|operation))"
    r"|keras\.src\.(initializers|regularizers|constraints|dtype_policies)(\.\w+)*"
    r"|keras_hub\.src\.layers\.modeling\.\w+"
    r"|keras_hub\.src\.models\.\w+\.(?!\w*(tokenizer|preprocessor|converter|segmenter|backbone))\w+"
    r"|keras_hub\.src\.models\.deberta_v3\.deberta_v3_backbone"  # saved as one layer: see its family
    r"|sft_keras\.modeling(\.\w+)+"
)
PLAIN_VALUES = {"__keras_tensor__", "__tuple__", "__slice__", "__ellipsis__", "__numpy__", "__tensor__"}
FUNCTION_NAME = re.compile(r"((keras|keras_hub|sft_keras)>)?\w+")
PATH_LIKE = re.compile(r"[/~\\]|[A-Za-z]:[/\\]|\w+://|\.\.[/\\]")


class RefusedModelError(Exception):
    """A model file that must not be loaded; the text continues "model.keras …"."""


def check_model_file(path: Path) -> None:
    """Refuses a model file that names or claims what no classifier needs.

    Args:
        path: A `model.keras`.

    Raises:
        RefusedModelError: See the text.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(archive, path.stat().st_size)
            config = json.loads(archive.read(CONFIG))
            for entry in _entries(config):
                _check_entry(entry)
            kept = _numbers_kept(archive.read(WEIGHTS))
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, ValueError, KeyError, RecursionError) as error:
        raise RefusedModelError(f"cannot be read: {error}") from None
    claimed = _numbers_claimed(config)
    if claimed > kept + UNSAVED_NUMBERS:
        raise RefusedModelError(f"claims {claimed:,} weights and holds {kept:,}")


def _check_members(archive: zipfile.ZipFile, size: int) -> None:
    names = sorted(archive.namelist())
    if names != sorted({METADATA, CONFIG, WEIGHTS}):
        raise RefusedModelError(f"holds other files than a model has: {', '.join(names)[:200]}")
    if archive.getinfo(CONFIG).file_size > MOST_CONFIG_BYTES:
        raise RefusedModelError(f"has a description of more than {MOST_CONFIG_BYTES:,} bytes")
    unpacked = sum(member.file_size for member in archive.infolist())
    if unpacked > MOST_EXPANSION * size:
        raise RefusedModelError(f"unpacks from {size:,} to {unpacked:,} bytes")


def _entries(value: Any) -> Iterator[dict[str, Any]]:
    """Every description of an object in a configuration.

    Raises:
        RefusedModelError: A text looks like the path of a file.
    """
    if isinstance(value, dict):
        if "class_name" in value or "registered_name" in value:
            yield value
        for each in value.values():
            yield from _entries(each)
    elif isinstance(value, list):
        for each in value:
            yield from _entries(each)
    elif isinstance(value, str) and PATH_LIKE.match(value):
        raise RefusedModelError(f'names a file: "{value[:200]}"')


def _check_entry(entry: dict[str, Any]) -> None:
    name, module, registered = (entry.get(key) for key in ("class_name", "module", "registered_name"))
    if name == "function":
        if module != "builtins" or not FUNCTION_NAME.fullmatch(str(entry.get("config"))):
            raise _refused_class(module, entry.get("config"))
        return
    if module is None and name in PLAIN_VALUES:
        return
    if not isinstance(name, str) or not isinstance(module, str) or not NAMED_MODULES.fullmatch(module):
        raise _refused_class(module, name)
    import keras

    try:
        home = importlib.import_module(module)  # also registers what a family of ours defines
    except ImportError:
        raise _refused_class(module, name) from None
    # As Keras looks it up: a registered name goes before the module.
    found = keras.saving.get_registered_object(str(registered)) or getattr(home, name, None)
    if not isinstance(found, type) or not DEFINING_MODULES.fullmatch(found.__module__):
        raise _refused_class(module, name)


def _refused_class(module: Any, name: Any) -> RefusedModelError:
    return RefusedModelError(f'names "{module}.{name}", which is no part of a text classifier'[:300])


def _numbers_kept(weights: bytes) -> int:
    """How many numbers an HDF5 file really holds.

    Raises:
        RefusedModelError: It points out of itself, or declares more than it holds.
    """
    import h5py

    kept = 0
    links: list[tuple[str, Any]] = []
    with h5py.File(io.BytesIO(weights), "r") as file:
        file.visititems_links(lambda name, link: links.append((name, link)))  # an exception cannot leave the visit
        for name, link in links:
            if not isinstance(link, h5py.HardLink):
                raise RefusedModelError(f'has weights that point elsewhere: "{name}"')
            item = file[name]
            if not isinstance(item, h5py.Dataset):
                continue
            if item.external or item.is_virtual or item.nbytes > item.id.get_storage_size():
                raise RefusedModelError(f'declares weights that it does not hold: "{name}", shape {item.shape}')
            kept += int(item.size)
    return kept


def _numbers_claimed(config: Any) -> int:
    """How many numbers a model of this description would have, told without making room for one of them."""
    import keras
    from keras.src.backend.common import global_state

    pending = list(global_state.get_global_attribute("uninitialized_variables", []))
    try:
        # Within the scope variables have a shape and no value.
        with keras.StatelessScope(initialize_variables=False):
            model = keras.saving.deserialize_keras_object(config, safe_mode=True)
            return sum(_size(variable.shape) for variable in model.variables)
    finally:
        # Keras would make room for them at the end of the next such scope.
        global_state.set_global_attribute("uninitialized_variables", pending)


def _size(shape: tuple[int, ...]) -> int:
    """The product of a shape, in Python's numbers, which do not overflow."""
    size = 1
    for each in shape:
        size *= int(each)
    return size
