"""Which installed fonts can draw the names of the classes, whatever script they are in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from matplotlib import font_manager

LATIN = "DejaVu Sans"
_WIDE = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans CJK TC",
    "Noto Sans CJK KR",
    "Noto Sans SC",
    "Noto Sans JP",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Microsoft YaHei",
    "SimHei",
    "PingFang SC",
    "PingFang HK",
    "Hiragino Sans GB",
    "Heiti SC",
    "Arial Unicode MS",
    "Droid Sans Fallback",
    "Noto Sans Thai",
    "Malgun Gothic",
    "IPAexGothic",
)
_NAME_LENGTH = 28


def font_families(names: Iterable[str], candidates: Sequence[str] = _WIDE) -> tuple[str, ...] | None:
    """The fonts that together have every character of the names, the first choice first; None if there are none.

    Args:
        names: Texts that are to be drawn.
        candidates: Font families that are tried beside DejaVu Sans, which matplotlib brings along.
    """
    missing = {ord(c) for name in names for c in short_name(name)} - _characters(LATIN)
    families = [LATIN]
    for family in candidates if missing else ():
        covered = missing & _characters(family)
        if covered:
            families.append(family)
            missing -= covered
        if not missing:
            break
    return None if missing else tuple(families)


def short_name(name: str) -> str:
    """A name as it is drawn: on one line, at most 28 characters, with `$` kept from starting a formula."""
    line = " ".join("".join(c if c.isprintable() else " " for c in name).split())
    cut = line if len(line) <= _NAME_LENGTH else line[: _NAME_LENGTH - 1] + "…"
    return cut.replace("$", r"\$")


@lru_cache(maxsize=64)
def _characters(family: str) -> frozenset[int]:
    if family not in {font.name for font in font_manager.fontManager.ttflist}:
        return frozenset()
    path = font_manager.findfont(font_manager.FontProperties(family=[family]), fallback_to_default=False)
    return frozenset(font_manager.get_font(path).get_charmap())
