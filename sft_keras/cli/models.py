"""Commands about a trained model: scoring, its report, predicting."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from sft_keras.cli.shared import (
    BundlePath,
    Data,
    Json,
    LabelColumn,
    TextColumn,
    app,
    open_services,
    print_json,
    require_new,
    write_new,
)
from sft_keras.errors import ConfigError, DataError


@app.command()
def evaluate(
    bundle: BundlePath,
    data: Data,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    as_json: Json = False,
) -> None:
    """Score a bundle on any labelled file."""
    report = open_services().evaluate(bundle, data, text_column=text_column, label_column=label_column)
    if as_json:
        print_json(report)
        return
    from sft_keras.terminal.report import show_report

    show_report(report)


@app.command()
def report(
    place: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a finished run, or a bundle.")],
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("report.html"),
    lang: Annotated[
        str | None, typer.Option(help="Language that is shown first, en or zh; that of this machine if left out.")
    ] = None,
    texts: Annotated[
        bool,
        typer.Option("--texts", help="Show test texts with wrong labels, which a run holds and a bundle does not."),
    ] = False,
) -> None:
    """Write the report as one page to mail, print or open on a phone, in English and Chinese."""
    require_new(out)
    write_new(out, open_services().report_html(place, language=lang, texts=texts))


@app.command()
def diagnose(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a finished run.")],
    part: Annotated[
        list[str] | None, typer.Option(help="A part, such as ladder; repeatable. All that are missing if left out.")
    ] = None,
    lang: Annotated[str, typer.Option(help="Language, en or zh.")] = "en",
    as_json: Json = False,
) -> None:
    """Examine a finished run: what may be believed of its model, and why."""
    from sft_keras.terminal.diagnostics import parts_sink, show_diagnostics

    with parts_sink() as sink:
        found = open_services().diagnose(run, parts=part, sink=sink)
    chosen = [each for each in found if not part or each.part in part]
    if as_json:
        print_json({each.part: vars(each) for each in chosen})
        return
    show_diagnostics(chosen, lang)


Costs = Annotated[
    Path | None,
    typer.Option(help="CSV: a header with the answers, a row for each true label, its name first; 0 where right."),
]
HandOver = Annotated[float | None, typer.Option(help="What asking a person costs; nobody is asked if left out.")]


@app.command()
def costs(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a finished run.")],
    costs: Costs = None,
    hand_over: Annotated[
        float | None, typer.Option(help="What asking a person costs; that of the kept costs if left out.")
    ] = None,
    nobody: Annotated[bool, typer.Option("--no-hand-over", help="Nobody is asked any more.")] = False,
    as_json: Json = False,
) -> None:
    """Say what mistakes cost, which answers then cost least, and what they cost on the test part.

    What is said anew is kept with the run; without --costs, the kept ones are shown again.
    """
    if nobody and hand_over is not None:
        raise ConfigError(
            "--hand-over and --no-hand-over do not go together.", where="costs", fix="Leave one of them out."
        )
    found = open_services().decision_costs(run, costs, hand_over, nobody=nobody)
    if as_json:
        from sft_keras.services.decisions import as_values

        print_json(as_values(found))
        return
    from sft_keras.terminal.costs import show_costs

    show_costs(found)


@app.command()
def predict(
    bundle: BundlePath,
    text: Annotated[list[str] | None, typer.Option(help="A text; repeatable.")] = None,
    file: Annotated[str | None, typer.Option(help="A file with a column of texts.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where --file's rows go, with the predictions: .csv, .tsv, .jsonl.")
    ] = None,
    text_column: TextColumn = None,
    probabilities: Annotated[bool, typer.Option("--probabilities", help="Add the probability of each label.")] = False,
    costs: Costs = None,
    hand_over: HandOver = None,
    decide: Annotated[
        bool, typer.Option("--decide", help="Add the decision by the costs that were kept with the run.")
    ] = False,
    int8: Annotated[
        bool, typer.Option("--int8", help="Ask the model's copy in 8-bit integers: quicker, and a little otherwise.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Predict labels for texts, for the rows of a file, or for the lines of standard input."""
    services = open_services()
    decides = decide or costs is not None
    if (decides and file is None) or (hand_over is not None and not decides):
        raise ConfigError(
            "--costs and --decide go with --file, and --hand-over with one of them.",
            where="predict",
            fix="For example: --file in.csv --out out.csv --costs costs.csv --hand-over 0.5",
        )
    if file is not None:
        if out is None or text:
            raise ConfigError(
                "--file takes --out, and no --text.", where="predict", fix="For example: --file in.csv --out out.csv"
            )
        rows = services.predict_file(
            bundle,
            file,
            out,
            text_column=text_column,
            probabilities=probabilities,
            costs=costs,
            hand_over=hand_over,
            decide=decide,
            eight_bit=int8,
            warn=_warned,
        )
        if as_json:
            print_json({"rows": rows, "out": str(out)})
        else:
            print(f"Wrote {rows} rows to {out}")
        return
    if out is not None:
        raise ConfigError("--out goes with --file.", where="predict", fix="For example: --file in.csv --out out.csv")
    from sft_keras.terminal.predictions import show_prediction

    chunk = 1 if not text and sys.stdin.isatty() else 1024  # answer a person line by line
    for prediction in services.predict(bundle, text if text else _lines(), chunk=chunk, eight_bit=int8):
        if as_json:
            print_json(vars(prediction))
        else:
            show_prediction(prediction, probabilities=probabilities)


@app.command()
def explain(
    bundle: BundlePath,
    text: Annotated[str, typer.Option(help="The text.")],
    label: Annotated[str | None, typer.Option(help="The label; the predicted one if left out.")] = None,
    method: Annotated[
        str, typer.Option(help="gradients (exact: the words add up), or occlusion (each word left out in turn).")
    ] = "gradients",
    examples: Annotated[
        int | None,
        typer.Option(help="Also show so many of the run's training examples that are most like it, 1 to 20."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say which words of a text speak for a label, and which against it."""
    services = open_services()
    if examples is not None:
        services.require_examples(bundle, examples)  # before the long work
    model = services.load(bundle)
    found = services.explain(bundle, text, label, method=method, predictor=model)
    alike = None
    if examples is not None:
        from sft_keras.terminal.progress import counted

        with counted("reading the training examples") as tell:
            alike = services.similar_examples(bundle, text, examples, predictor=model, tell=tell)
    if as_json:
        told = {"examples": asdict(alike)} if alike is not None else {}
        print_json({**vars(found), "words": [vars(piece) for piece in found.words], **told})
        return
    from sft_keras.terminal.words import show_examples, show_explanation

    show_explanation(found)
    if alike is not None:
        (answer,) = model.predict([text])
        show_examples(alike, services.examples_verdict(alike, answer.label))


def _warned(sentence: str) -> None:
    from sft_keras.errors import one_line

    print(f"Note: {one_line(sentence)}", file=sys.stderr)


def _lines() -> Iterator[str]:
    if sys.stdin.isatty():
        print("Type a text and press Enter; Ctrl-D ends.", file=sys.stderr)
    try:
        for line in sys.stdin:
            yield line.removeprefix("\ufeff").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise DataError(
            f"Standard input is not {error.encoding.upper()} text.",
            where="standard input",
            fix="Save it as UTF-8, or as a CSV file for --file, whose encoding is found out.",
        ) from None
