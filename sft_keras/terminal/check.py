"""What is in a file of examples, and what was mended in a copy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from sft_keras.terminal.base import MOST_CLASSES_SHOWN, escape, open_console, table

if TYPE_CHECKING:
    from sft_keras.data.findings import Finding
    from sft_keras.services import CheckResult, FixResult

SEVERITY_STYLES = {"error": "bold red", "warning": "yellow", "info": "cyan"}


def show_check(checked: CheckResult) -> None:
    """What is in a file."""
    console = open_console()
    report = checked.report
    for note in (*checked.notes, *checked.columns.reasons):
        console.print(f"[dim]{escape(note)}[/]")
    console.print(f"\n[bold]{report.usable_rows:,}[/] usable of {report.rows:,} rows")
    for lengths in (report.characters, report.tokens):
        if lengths:
            console.print(
                f"[dim]{lengths.unit} a text: {lengths.mean:.0f} on average, half have up to {lengths.median:.0f}, "
                f"longest {lengths.max:,}[/]"
            )
    console.print()
    labels = table("label", "rows", "share", right=(1, 2))
    ordered = sorted(report.class_counts.items(), key=lambda item: -item[1])
    for label, count in ordered[:MOST_CLASSES_SHOWN]:
        labels.add_row(escape(label), f"{count:,}", f"{count / max(report.usable_rows, 1):.1%}")
    console.print(labels)
    if len(ordered) > MOST_CLASSES_SHOWN:
        console.print(f"… and {len(ordered) - MOST_CLASSES_SHOWN} more labels")
    console.print()
    _show_findings(console, report.findings)
    if any(finding.fixable for finding in report.findings):
        console.print("\nA copy can be mended: sft-keras check FILE --fix clean.csv")


def show_fix(mended: FixResult) -> None:
    """What was changed in a copy, and what is still to be done by hand."""
    console = open_console()
    done = mended.to_dict()
    console.print(f"\n[bold]Mended copy:[/] {escape(str(mended.out))}, {done['rows']:,} rows", soft_wrap=True)
    for kind, count in done["kinds"].items():
        console.print(f"{count:,} × {kind}")
    console.print(f"Every change, by row: {escape(str(mended.changes))}", soft_wrap=True)
    console.print("What a check of the copy finds:")
    _show_findings(console, mended.report.findings)


def _show_findings(console: Console, findings: Sequence[Finding]) -> None:
    for finding in findings:
        style = SEVERITY_STYLES.get(finding.severity, "")
        place = "" if finding.part == "training" else f" of the {finding.part} file"
        rows = f" [dim](rows{place}: {', '.join(map(str, finding.rows))})[/]" if finding.rows else ""
        console.print(f"[{style}]{finding.severity}[/] {escape(finding.message)} {escape(finding.consequence)}{rows}")
    if not findings:
        console.print("[green]Nothing stands in the way of a training.[/]")
