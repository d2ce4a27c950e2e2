"""What a local folder, an `hf://` or a `kaggle://` handle says of itself, read without loading Keras or any weights."""

from __future__ import annotations

import json
from pathlib import Path

from sft_keras.errors import ConfigError, SftError

CONFIG = "config.json"
HUGGING_FACE, KAGGLE = "hf://", "kaggle://"
TIMEOUT_SECONDS = 10


def is_handle(name: str) -> bool:
    """Whether the name is an address on a hub."""
    return name.startswith((HUGGING_FACE, KAGGLE))


def declared_names(name: str) -> set[str]:
    """The names of the architecture that `config.json` declares: Hugging Face's `model_type`, KerasHub's `class_name`.

    Args:
        name: A local folder, `hf://OWNER/NAME`, or `kaggle://OWNER/MODEL/keras/VARIANT`.

    Raises:
        ConfigError: There is no readable `config.json`, or the hub cannot be reached.
    """
    text = _remote_config(name) if is_handle(name) else _local_config(Path(name))
    try:
        declared = json.loads(text)
        return {str(declared.get("model_type", "")), str(declared.get("class_name", ""))} - {""}
    except (ValueError, AttributeError):
        raise _unreadable(f"{name}/{CONFIG}") from None


def hugging_face_file(handle: str, name: str) -> Path | None:
    """The local copy of one file of an `hf://` handle; None if the handle is no such one, or has no such file."""
    if not handle.startswith(HUGGING_FACE):
        return None
    import huggingface_hub

    try:
        return Path(huggingface_hub.hf_hub_download(handle.removeprefix(HUGGING_FACE), name))
    except Exception:  # what else it takes to load the handle will tell why, if it is more than a missing file
        return None


def _local_config(folder: Path) -> str:
    try:
        return (folder / CONFIG).read_text(encoding="utf-8")
    except (OSError, ValueError):
        raise _unreadable(str(folder / CONFIG)) from None


def _remote_config(handle: str) -> str:
    try:
        return _kaggle_config(handle) if handle.startswith(KAGGLE) else _hugging_face_config(handle)
    except SftError:
        raise
    except Exception as error:  # hubs fail in as many ways as there are
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ConfigError(
            f'The backbone "{handle}" could not be looked up: {reason[:300]}',
            where="model.backbone",
            fix="Check the handle and the network. `sft-keras backbones` tells what is here without one.",
        ) from error


def _hugging_face_config(handle: str) -> str:
    import huggingface_hub
    from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

    repository = handle.removeprefix(HUGGING_FACE)
    kept = huggingface_hub.try_to_load_from_cache(repository, CONFIG)
    if isinstance(kept, str):
        return Path(kept).read_text(encoding="utf-8")
    # One request: the library's own download would try for half a minute before it says that there is no network.
    address = huggingface_hub.hf_hub_url(repository, CONFIG)
    response = get_session().get(address, headers=build_hf_headers(), timeout=TIMEOUT_SECONDS, follow_redirects=True)
    hf_raise_for_status(response)
    return str(response.text)


def _kaggle_config(handle: str) -> str:
    import kagglehub

    return Path(kagglehub.model_download(handle.removeprefix(KAGGLE), CONFIG)).read_text(encoding="utf-8")


def _unreadable(where: str) -> ConfigError:
    return ConfigError(
        f"There is no readable {CONFIG}, so it is no preset.",
        where=where,
        fix="Give a folder or a handle in KerasHub's or Hugging Face's format.",
    )
