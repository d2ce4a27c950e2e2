"""Figures and times in words."""

from __future__ import annotations

from datetime import UTC, datetime

from sft_keras.ui.texts import Catalogue


def ago(created: str, say: Catalogue, *, now: datetime | None = None) -> str:
    """How long ago something was.

    Args:
        created: ISO 8601; "" if it is not known.
        say: The catalogue of the reader.
        now: The time that it is.
    """
    try:
        then = datetime.fromisoformat(created)
    except ValueError:
        return ""
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    seconds = ((now or datetime.now(UTC)) - then).total_seconds()
    if seconds < 60:
        return say("shell.ago_now")
    if seconds < 3600:
        return say("shell.ago_minutes", count=int(seconds // 60))
    if seconds < 86400:
        return say("shell.ago_hours", count=int(seconds // 3600))
    return say("shell.ago_days", count=int(seconds // 86400))


def duration(seconds: float, say: Catalogue) -> str:
    """A length of time with sensible digits.

    Example:
        >>> from sft_keras.ui.texts import catalogue
        >>> duration(4000, catalogue("en"))
        '1 h 7 min'
    """
    if seconds < 90:
        return say("shell.duration_seconds", seconds=max(1, round(seconds)))
    minutes = round(seconds / 60)
    if minutes < 90:
        return say("shell.duration_minutes", minutes=minutes)
    # From ten hours on, minutes are noise.
    minutes = minutes if minutes < 600 else round(minutes / 60) * 60
    return say("shell.duration_hours", hours=minutes // 60, minutes=minutes % 60)


def share(value: float) -> str:
    """A share of 1 as per cent, with one digit.

    Example:
        >>> share(0.9217)
        '92.2%'
    """
    return f"{100 * value:.1f}%"
