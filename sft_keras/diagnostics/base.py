"""What a part is, and the registry of all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sft_keras.catalogues import Catalogue
from sft_keras.diagnostics.blocks import Block
from sft_keras.registry import Registry

if TYPE_CHECKING:
    from sft_keras.diagnostics.subject import Subject

Facts = dict[str, Any]


class NotApplicable(Exception):
    """A part has nothing to say of this run: too few rows, no supervised term, …

    Args:
        key: The sentence in the part's catalogue, without the part's name.
        **values: What stands at its places; numbers and words.
    """

    def __init__(self, key: str, **values: Any) -> None:
        super().__init__(key)
        self.key = key
        self.values = values


@dataclass(frozen=True)
class Part:
    """A side from which a run is looked at.

    Its sentences stand in `locale/<language>/<part>.yaml`; `title` and `what` (one sentence on what it is good for)
    must be there.

    Attributes:
        order: Place among the others; low ones come first, so that what a person looks for first is ready first.
        examine: Computes the facts: JSON types, NumPy's numbers and arrays allowed. Raises `NotApplicable` where it has
            nothing to say, and `SftError` where something is wrong.
        present: Says what the facts mean. It runs in the web process: no Keras, no work.
        needs_test: Whether it needs a test part; a run without one is told so.
    """

    order: int
    examine: Callable[[Subject], Facts]
    present: Callable[[Mapping[str, Any], Catalogue], list[Block]]
    needs_test: bool = True


PARTS: Registry[Part] = Registry("part of the diagnostics", "sft_keras.diagnostics.parts")


def ordered_parts() -> list[tuple[str, Part]]:
    """All parts, in their order."""
    return sorted(PARTS.items(), key=lambda each: (each[1].order, each[0]))
