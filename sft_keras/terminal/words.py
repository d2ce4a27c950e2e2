"""Why a model answered so, on a terminal: the words of the text with what each adds, and similar training examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from sft_keras.errors import one_line
from sft_keras.terminal.base import escape, open_console

if TYPE_CHECKING:
    from sft_keras.inference.explain import Explanation
    from sft_keras.services.examples import Neighbours, Verdict

MOST_WORDS = 8
LEAST_PART = 0.15
"""Words with less than this part of the strongest one's weight stay as they are."""
STRONG_PART = 0.6
HOW = {
    "gradients": "Integrated gradients: the points of all words add up to the difference.",
    "occlusion": "Points: by how much the probability falls without the word.",
}
EXAMPLES_HOW = (
    "Similar in what the model makes of the texts (cosine); they resemble the text, and did not cause the answer."
)


def show_explanation(found: Explanation) -> None:
    """The text in colours (green speaks for the label, red against it), and the strongest words with their points.

    Args:
        found: What the words do.
    """
    out = open_console()
    if not found.label:
        out.print("(empty)")
        return
    out.print(f"[bold]{escape(found.label)} {found.probability:.1%}[/]")
    most = max((abs(piece.weight) for piece in found.words), default=0.0)
    text = Text()
    for piece in found.words:
        text.append(one_line(piece.text), style=_style(piece.weight / most if most and piece.text.strip() else 0.0))
    out.print(text, soft_wrap=True)
    strongest = sorted((piece for piece in found.words if piece.text.strip()), key=lambda piece: -abs(piece.weight))
    for piece in strongest[:MOST_WORDS]:
        if abs(piece.weight) >= LEAST_PART * most > 0:
            out.print(f"{100 * piece.weight:+7.1f}  {escape(piece.text.strip())}", soft_wrap=True)
    if found.baseline is not None:
        out.print(
            f"[dim]From {found.baseline:.1%} for a text without words to {found.probability:.1%}; {found.steps} steps, "
            f"{found.gap:.4f} missing.[/]"
        )
    out.print(f"[dim]{' '.join(filter(None, (HOW[found.method], escape(found.note))))}[/]")


def show_examples(found: Neighbours, verdict: Verdict | None) -> None:
    """The training examples most like the text, and what they say of the answer.

    Args:
        found: The examples.
        verdict: What they say; None if there is none.
    """
    if verdict is None:
        return
    out = open_console()
    out.print(f"\n[{'yellow' if verdict.doubtful else 'bold'}]{escape(verdict.sentence)}[/]", soft_wrap=True)
    for each in found.found:
        times = f" (x{each.times})" if each.times > 1 else ""
        out.print(f"  {each.similarity:.3f}  [bold]{escape(each.label)}[/]{times}  {escape(each.text)}", soft_wrap=True)
    out.print(f"[dim]{escape(verdict.compared)} {EXAMPLES_HOW}[/]")


def _style(part: float) -> str:
    if abs(part) < LEAST_PART:
        return ""
    colour = "green" if part > 0 else "red"
    return f"bold {colour} reverse" if abs(part) >= STRONG_PART else f"bold {colour}"
