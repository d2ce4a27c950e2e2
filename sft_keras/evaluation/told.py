"""Figures as people are told them."""

from __future__ import annotations

import math


def cost_text(value: float) -> str:
    """A cost in three digits, without an exponent for what people type.

    Example:
        >>> cost_text(0.2534), cost_text(12345.6)
        ('0.253', '12,346')
    """
    return f"{value:,.0f}" if abs(value) >= 999.5 else f"{value:.3g}"


def told_down(share: float) -> tuple[float, int]:
    """A threshold as it can be told: rounded down, so that whoever uses it loses none of the rows that it was made for.

    Args:
        share: The threshold, 0 to 1.

    Returns:
        It in percent with one decimal, or with as many as tell it from 0 and 100 percent, as a share; and the decimals.

    Example:
        >>> told_down(0.8777), told_down(0.99996)
        ((0.877, 1), (0.99996, 4))
    """
    gap = min(share, 1 - share)
    decimals = max(1, math.ceil(-math.log10(gap)) - 1) if gap > 0 else 1
    scale = 10 ** (decimals + 2)
    return math.floor(round(share * scale, 4)) / scale, decimals  # 0.9 in 32 bits is a little less
