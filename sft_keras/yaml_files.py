"""Settings from YAML files and from `section.key=value` assignments, as plain nested mappings."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from sft_keras.errors import ConfigError


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping that a YAML file holds; an empty file is an empty mapping.

    Raises:
        ConfigError: The file cannot be read or holds something else.
    """
    try:
        loaded = _load_yaml(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError("The configuration file does not exist.", where=str(path), fix="Check the path.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The configuration file cannot be read: {error}", where=str(path)) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise ConfigError(
            f"The configuration is not valid YAML: {getattr(error, 'problem', None) or error}",
            where=f"{path}{line}",
            fix="`sft-keras init-config` prints a valid one to start from.",
        ) from None
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise ConfigError(
            f"The configuration must be a mapping of sections. Received: {type(loaded).__name__}",
            where=str(path),
            fix="`sft-keras init-config` prints a valid one to start from.",
        )
    return loaded


def _load_yaml(text: str) -> Any:
    """Reads YAML; what only Python chokes on (an impossible date, endless nesting) is a YAML error too."""
    try:
        return yaml.safe_load(text)
    except (ValueError, RecursionError) as error:
        raise yaml.YAMLError(f"{type(error).__name__}: {error}") from None


def laid_over(values: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Nested settings with others over them; sections are merged, everything else is replaced.

    Example:
        >>> laid_over({"model": {"backbone": "lstm"}}, {"model": {"dropout": 0}})
        {'model': {'backbone': 'lstm', 'dropout': 0}}
    """
    result = dict(values)
    for name, section in above.items():
        before = result.get(name)
        result[name] = {**before, **section} if isinstance(before, dict) and isinstance(section, dict) else section
    return result


def apply_settings(values: Mapping[str, Any], assignments: Iterable[str]) -> dict[str, Any]:
    """Lays `section.key=value` assignments over a nested mapping; the value is read as YAML.

    Raises:
        ConfigError: An assignment has no `=` or runs through a value that is no section.

    Example:
        >>> apply_settings({}, ["training.epochs=2"])
        {'training': {'epochs': 2}}
    """
    result: dict[str, Any] = copy.deepcopy(dict(values))
    for assignment in assignments:
        key, equals, raw = assignment.partition("=")
        path = key.strip().split(".")
        if not equals or not all(path):
            raise ConfigError(
                f'A setting has the form section.key=value. Received: "{assignment}"',
                where="--set",
                fix="For example: --set training.epochs=2",
            )
        try:
            value = _load_yaml(raw)
        except yaml.YAMLError:
            value = raw
        node = result
        for part in path[:-1]:
            if node.get(part) is None:
                node[part] = {}
            child = node[part]
            if not isinstance(child, dict):
                raise ConfigError(f'"{part}" is a value, not a section. Received: "{assignment}"', where="--set")
            node = child
        node[path[-1]] = value
    return result
