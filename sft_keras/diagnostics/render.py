"""Blocks as HTML, with the classes of the report's style sheet."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from sft_keras.catalogues import Catalogue
from sft_keras.diagnostics.blocks import Block, Picture, Sentence
from sft_keras.errors import one_line
from sft_keras.evaluation.charts import with_own_ids


def render(blocks: Sequence[Block], words: Catalogue, *, title: str, ids: str, private: bool = True) -> str:
    """Blocks as HTML; all texts are escaped.

    Args:
        blocks: What to show.
        words: The language.
        title: What the part is called, for who cannot see a table.
        ids: Goes before the ids in the pictures, so that these can stand beside others.
        private: Whether blocks with texts of the data are shown.
    """
    shown = [block for block in blocks if private or not getattr(block, "private", False)]
    if len(shown) < len(blocks):
        shown.append(Sentence(words("common.hidden"), "how"))
    own = [
        Picture(with_own_ids(block.svg, f"{ids}{number}"), block.title, block.legend)
        if isinstance(block, Picture)
        else block
        for number, block in enumerate(shown)
    ]
    return _environment().get_template("blocks.html.j2").render(blocks=own, t=words, title=title).strip()


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("sft_keras.diagnostics"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["line"] = one_line
    return environment
