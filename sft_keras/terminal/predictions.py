"""What a model says of a text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sft_keras.terminal.base import escape, open_console

if TYPE_CHECKING:
    from sft_keras.tasks.base import Prediction


def show_prediction(prediction: Prediction, *, probabilities: bool) -> None:
    """One prediction on one line."""
    console = open_console()
    text = " ".join(prediction.text.split())
    shown = text if len(text) <= 100 else text[:97] + "…"
    if not prediction.label:
        console.print(f"{'(empty)':<24} {escape(shown)}", soft_wrap=True)
        return
    head = f"{prediction.label} {prediction.confidence:.1%}"
    console.print(f"[bold]{escape(head):<24}[/] {escape(shown)}", soft_wrap=True)
    if probabilities:
        ordered = sorted(prediction.probabilities.items(), key=lambda item: -item[1])
        console.print("    " + "  ".join(f"{escape(name)} {value:.4f}" for name, value in ordered), soft_wrap=True)
