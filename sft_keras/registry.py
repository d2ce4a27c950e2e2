"""Named extension points: one file a plug-in, found by its file name and imported on first use.

A registry knows the package its plug-ins live in. `names()` lists the files without importing them, so
that the command line, the configuration and the docs can offer the choices without loading Keras;
`get()` imports the one that is asked for. A new plug-in is one new file with one registration.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from sft_keras.errors import ConfigError, did_you_mean

T = TypeVar("T")


def plugin_names(package: str) -> tuple[str, ...]:
    """The names of the plug-in files in a package, sorted, without importing any of them.

    Args:
        package: The dotted name of the package. A file that starts with `_` or is called `base` is no plug-in.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError(f"No package holds plug-ins under this name. Received: package={package!r}")
    modules = pkgutil.iter_modules(list(spec.submodule_search_locations))
    return tuple(sorted(m.name for m in modules if not m.name.startswith("_") and m.name != "base"))


class Registry(Generic[T]):
    """The plug-ins of one kind, by name.

    Args:
        kind: What an entry is, for messages ("loss term").
        package: The package with one file an entry; the file's name is the entry's name.

    Example:
        >>> TERMS: Registry[type] = Registry("loss term", "sft_keras.losses.terms")
        >>> TERMS.names()
        ('center', 'class_balanced', 'prototype', 'supcon')
    """

    def __init__(self, kind: str, package: str) -> None:
        self.kind = kind
        self.package = package
        self._entries: dict[str, T] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """A decorator that enters a class, function or object under `name`.

        Raises:
            ConfigError: The name is taken.
        """

        def enter(entry: T) -> T:
            self.add(name, entry)
            return entry

        return enter

    def add(self, name: str, entry: T) -> None:
        """Enters `entry` under `name`; raises `ConfigError` if the name is taken."""
        if name in self._entries:
            raise ConfigError(
                f'Two {self.kind}s are registered under one name. Received: name="{name}"',
                where=self.package,
                fix="Give one of them another name.",
            )
        self._entries[name] = entry

    def get(self, name: str) -> T:
        """The entry of this name, imported if need be.

        Raises:
            ConfigError: There is none; the message names the nearest.
        """
        if name not in self._entries and name in plugin_names(self.package):
            importlib.import_module(f"{self.package}.{name}")
        if name not in self._entries:
            raise ConfigError(f'There is no {self.kind} "{name}".', fix=did_you_mean(name, self.names()))
        return self._entries[name]

    def names(self) -> tuple[str, ...]:
        """All names, sorted; imports nothing."""
        return tuple(sorted({*plugin_names(self.package), *self._entries}))

    def items(self) -> Iterator[tuple[str, T]]:
        """All names with their entries; imports every plug-in."""
        for name in self.names():
            yield name, self.get(name)
