"""The command that trains."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sft_keras.cli.shared import (
    INTERRUPTED,
    Config,
    LabelColumn,
    Recipe,
    Set,
    TextColumn,
    app,
    open_services,
    resolved_config,
)
from sft_keras.errors import ConfigError

if TYPE_CHECKING:
    from sft_keras.runs.worker import RunResult


@app.command()
def train(
    data: Annotated[str | None, typer.Option("--data", help="A labelled file, or sample:NAME.")] = None,
    validation: Annotated[
        str | None, typer.Option(help="A file with validation rows; cut from --data if left out.")
    ] = None,
    test: Annotated[str | None, typer.Option(help="A file with test rows; cut from --data if left out.")] = None,
    corrections: Annotated[
        Path | None,
        typer.Option(
            help="A file with corrections of labels: columns text, label, new_label (empty: drop the row). They change "
            "training and validation rows only, never the test part."
        ),
    ] = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    recipe: Recipe = None,
    config: Config = None,
    setting: Set = None,
    backbone: Annotated[
        str | None, typer.Option(help="Pretrained model (see `sft-keras backbones`), or a bundle.")
    ] = None,
    sup_term: Annotated[list[str] | None, typer.Option(help="Supervised term of the loss; repeatable.")] = None,
    sup_weight: Annotated[list[str] | None, typer.Option(help="Its weight λ, one for each --sup-term.")] = None,
    class_weights: Annotated[str | None, typer.Option(help="none, balanced, or effective.")] = None,
    seed: Annotated[int | None, typer.Option(help="Fixes the split, the order and all draws.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="The run folder; a new one under the data directory if left out.")
    ] = None,
    resume: Annotated[Path | None, typer.Option(metavar="RUN", help="Go on with a run that was stopped.")] = None,
) -> None:
    """Fine-tune a model, score it on rows it has never seen, and keep it as a bundle."""
    from sft_keras.terminal.progress import progress_sink
    from sft_keras.terminal.report import show_result

    services = open_services()
    options = {
        "data": data,
        "validation": validation,
        "test": test,
        "corrections": corrections,
        "text-column": text_column,
        "label-column": label_column,
        "recipe": recipe,
        "config": config,
        "set": setting,
        "backbone": backbone,
        "sup-term": sup_term,
        "sup-weight": sup_weight,
        "class-weights": class_weights,
        "seed": seed is not None,
        "out": out,
    }
    with progress_sink() as sink:
        if resume is not None:
            given = {key: value for key, value in options.items() if value}
            if given:
                raise ConfigError(
                    "--resume goes on with the data and the settings of the run.",
                    where=", ".join(f"--{key}" for key in given),
                    fix="Leave these out, or start a new run.",
                )
            run = services.open_run(resume)
        else:
            if data is None:
                raise ConfigError("No data was given.", fix="Add --data FILE, or --data sample:movie-reviews.")
            resolved = resolved_config(
                recipe,
                config,
                setting,
                data__text_column=text_column,
                data__label_column=label_column,
                model__backbone=backbone,
                objective__terms=_terms(sup_term or [], sup_weight or []),
                objective__class_weights=class_weights,
                training__seed=seed,
            )
            run = services.prepare(
                data, resolved, out=out, validation=validation, test=test, corrections=corrections, sink=sink
            )
        result = _until_interrupted(lambda stop: services.start(run, sink, stop, discard=resume is None))
    show_result(result)
    if not result.complete:
        raise typer.Exit(INTERRUPTED)


def _terms(names: list[str], weights: list[str]) -> list[dict[str, str]] | None:
    """The terms that --sup-term and --sup-weight name, in pairs; None if there are none."""
    if weights and len(weights) != len(names):
        raise ConfigError(
            f"Each --sup-term takes one --sup-weight. Received: {len(names)} and {len(weights)}",
            where="--sup-weight",
            fix="For example: --sup-term supcon --sup-weight 0.1",
        )
    if not weights:
        return [{"name": name} for name in names] or None
    return [{"name": name, "weight": weight} for name, weight in zip(names, weights, strict=True)]


def _until_interrupted(work: Callable[[Callable[[], bool]], RunResult]) -> RunResult:
    """Lets the first Ctrl-C end the work after its step, and the second at once."""
    asked = False

    def stop(number: int, frame: object) -> None:
        nonlocal asked
        del number, frame
        if asked:
            raise KeyboardInterrupt
        asked = True
        print("Stopping after this step; what was done is kept …", file=sys.stderr)

    before = signal.signal(signal.SIGINT, stop)
    try:
        return work(lambda: asked)
    finally:
        signal.signal(signal.SIGINT, before)
