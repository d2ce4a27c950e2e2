"""Commands about a file: what is in it, and the samples."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sft_keras.cli.shared import (
    Config,
    Json,
    LabelColumn,
    Recipe,
    Set,
    TextColumn,
    app,
    open_services,
    print_json,
    resolved_config,
)
from sft_keras.errors import ConfigError

DATA_ERRORS = 1  # `check` worked, and found what stops a training


@app.command()
def samples(
    names: Annotated[list[str] | None, typer.Argument(help="Samples to download; all if left out.")] = None,
    download: Annotated[bool, typer.Option("--download", help="Bring the texts here with pip.")] = False,
    as_json: Json = False,
) -> None:
    """List the sample data sets, or bring them here."""
    services = open_services()
    if names and not download:
        raise ConfigError("Names are for --download.", where="samples", fix=f"Add --download to fetch {names[0]}.")
    if download:
        services.download_samples(names or [], log=lambda message: print(message, file=sys.stderr))
    found = services.samples()
    if as_json:
        print_json([vars(sample) for sample in found])
        return
    from sft_keras.terminal.listings import show_samples

    show_samples(found)


@app.command()
def check(
    data: Annotated[str, typer.Argument(metavar="FILE", help="A labelled file, or sample:NAME.")],
    validation: Annotated[str | None, typer.Option(help="A file with validation rows that goes with it.")] = None,
    test: Annotated[str | None, typer.Option(help="A file with test rows that goes with it.")] = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    recipe: Recipe = None,
    config: Config = None,
    setting: Set = None,
    fix: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a mended copy here: .csv, .tsv, .jsonl.")
    ] = None,
    fix_kind: Annotated[
        list[str] | None, typer.Option(help="Mend only this, by the code of the finding; repeatable.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Let --fix replace files that are there.")] = False,
    as_json: Json = False,
) -> None:
    """Say what is in a file and what would get in the way of a training, and mend a copy of it."""
    if fix is None and (fix_kind or force):
        raise ConfigError("--fix-kind and --force go with --fix.", where="check", fix="For example: --fix clean.csv")
    resolved = resolved_config(recipe, config, setting, data__text_column=text_column, data__label_column=label_column)
    services = open_services()
    mended = None
    if fix is not None:
        mended = services.fix(
            data, resolved, kinds=fix_kind or None, validation=validation, test=test, out=fix, force=force
        )
    found = services.check(data, resolved, validation=validation, test=test)
    if as_json:
        print_json({**found.to_dict(), **({"fixed": mended.to_dict()} if mended else {})})
    else:
        from sft_keras.terminal.check import show_check, show_fix

        show_check(found)
        if mended:
            show_fix(mended)
    if not (mended or found).report.ok:
        raise typer.Exit(DATA_ERRORS)
