"""The command line: thin commands over `services`."""

from __future__ import annotations

import io
import json
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sft_keras.errors import ConfigError, DataError, SftError

if TYPE_CHECKING:
    from sft_keras.config import RunConfig
    from sft_keras.runs.worker import RunResult
    from sft_keras.services import Services

USER_MISTAKE, BUG, INTERRUPTED = 2, 1, 130
DATA_ERRORS = 1  # `check` worked, and found what stops a training

app = typer.Typer(
    name="sft-keras",
    help="Fine-tune a text model on your labelled examples, and see honestly how good it is.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Data = Annotated[str, typer.Option("--data", help="A labelled file, or sample:NAME (see `sft-keras samples`).")]
TextColumn = Annotated[str | None, typer.Option(help="Column with the texts; found if left out.")]
LabelColumn = Annotated[str | None, typer.Option(help="Column with the labels; found if left out.")]
Config = Annotated[Path | None, typer.Option("--config", help="YAML file with settings (see `init-config`).")]
Recipe = Annotated[str | None, typer.Option("--recipe", help="Settings by name, such as quick (see `recipes`).")]
Set = Annotated[list[str] | None, typer.Option("--set", help="One setting, as section.key=value; repeatable.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs, and nothing else.")]
BundlePath = Annotated[Path, typer.Argument(metavar="BUNDLE", help="The bundle of a run, or the run's folder.")]


def main() -> None:
    """Runs the command line: exit code 0, 2 for a mistake that the person can mend, 1 for a bug, 130 after Ctrl-C."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Half a character is no reason to fail, and JSON is UTF-8 wherever it is read.
        encoding = "utf-8" if "--json" in sys.argv else None
        sys.stdout.reconfigure(encoding=encoding, errors="backslashreplace")
    try:
        app()
    except SftError as error:
        _fail(error)
        sys.exit(USER_MISTAKE)
    except Exception:
        from rich.console import Console

        console = Console(stderr=True)
        console.print_exception(max_frames=8)
        console.print("[bold]This is a bug in sft-keras.[/] Please report it with the lines above.")
        sys.exit(BUG)


def _fail(error: SftError) -> None:
    if "--json" in sys.argv:
        print(json.dumps(error.to_dict(), ensure_ascii=False), file=sys.stderr)
        return
    print(f"Error: {error}", file=sys.stderr)


def _services() -> Services:
    from sft_keras.services import Services

    return Services()


def _print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, allow_nan=False))


def _config(recipe: str | None, path: Path | None, assignments: list[str] | None, **options: Any) -> RunConfig:
    """The recipe, then the file, then --set, then the options of their own: the later wins."""
    from sft_keras.config import RunConfig
    from sft_keras.yaml_files import apply_settings, laid_over, read_yaml

    values = _services().recipe(recipe) if recipe else {}
    values = apply_settings(laid_over(values, read_yaml(path) if path else {}), assignments or [])
    for key, value in options.items():
        section, _, name = key.partition("__")
        before = values.get(section) or {}
        if value is not None and isinstance(before, dict):  # what is no section is told by `parse`
            values = {**values, section: {**before, name: value}}
    return RunConfig.parse(values, source=str(path) if path else "the settings given")


@app.command()
def samples(
    names: Annotated[list[str] | None, typer.Argument(help="Samples to download; all if left out.")] = None,
    download: Annotated[bool, typer.Option("--download", help="Bring the texts here with pip.")] = False,
    as_json: Json = False,
) -> None:
    """List the sample data sets, or bring them here."""
    services = _services()
    if names and not download:
        raise ConfigError("Names are for --download.", where="samples", fix=f"Add --download to fetch {names[0]}.")
    if download:
        services.download_samples(names or [], log=lambda message: print(message, file=sys.stderr))
    found = services.samples()
    if as_json:
        _print_json([vars(sample) for sample in found])
        return
    from sft_keras import terminal

    terminal.show_samples(found)


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
    resolved = _config(recipe, config, setting, data__text_column=text_column, data__label_column=label_column)
    services = _services()
    mended = None
    if fix is not None:
        mended = services.fix(
            data, resolved, kinds=fix_kind or None, validation=validation, test=test, out=fix, force=force
        )
    found = services.check(data, resolved, validation=validation, test=test)
    if as_json:
        _print_json({**found.to_dict(), **({"fixed": mended.to_dict()} if mended else {})})
    else:
        from sft_keras import terminal

        terminal.show_check(found)
        if mended:
            terminal.show_fix(mended)
    if not (mended or found).report.ok:
        raise typer.Exit(DATA_ERRORS)


@app.command()
def backbones(as_json: Json = False) -> None:
    """List the pretrained models that are known by name."""
    found = _services().backbones()
    if as_json:
        _print_json([{**vars(b.preset), "family": b.family, "here": b.here} for b in found])
        return
    from sft_keras import terminal

    terminal.show_backbones(found)


@app.command()
def recipes(as_json: Json = False) -> None:
    """List the recipes: settings by name, each with when to take it."""
    found = _services().recipes()
    if as_json:
        _print_json([{"name": each.name, "path": str(each.path), "advice": each.advice} for each in found])
        return
    from sft_keras import terminal

    terminal.show_recipes(found)


@app.command("init-config")
def init_config(
    out: Annotated[Path | None, typer.Argument(metavar="FILE", help="Where to write; printed if left out.")] = None,
) -> None:
    """Write a configuration file with every setting, its default and its meaning."""
    from sft_keras.config import RunConfig
    from sft_keras.config_template import commented_yaml

    text = commented_yaml(RunConfig())
    if out is None:
        print(text, end="")
        return
    _require_new(out)
    _write_new(out, text)


def _require_new(out: Path) -> None:
    if out.exists():
        raise ConfigError(
            "The file exists already; nothing is overwritten.", where=str(out), fix="Choose another name."
        )


def _write_new(out: Path, text: str) -> None:
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"The file cannot be written: {error.strerror}", where=str(out), fix="Choose another place."
        ) from None
    print(f"Wrote {out}", file=sys.stderr)


@app.command()
def train(
    data: Annotated[str | None, typer.Option("--data", help="A labelled file, or sample:NAME.")] = None,
    validation: Annotated[
        str | None, typer.Option(help="A file with validation rows; cut from --data if left out.")
    ] = None,
    test: Annotated[str | None, typer.Option(help="A file with test rows; cut from --data if left out.")] = None,
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
    from sft_keras import terminal

    services = _services()
    options = {
        "data": data,
        "validation": validation,
        "test": test,
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
    with terminal.progress_sink() as sink:
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
            resolved = _config(
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
            run = services.prepare(data, resolved, out=out, validation=validation, test=test, sink=sink)
        result = _until_interrupted(lambda stop: services.start(run, sink, stop, discard=resume is None))
    terminal.show_result(result)
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


@app.command()
def evaluate(
    bundle: BundlePath,
    data: Data,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    as_json: Json = False,
) -> None:
    """Score a bundle on any labelled file."""
    report = _services().evaluate(bundle, data, text_column=text_column, label_column=label_column)
    if as_json:
        _print_json(report)
        return
    from sft_keras import terminal

    terminal.show_report(report)


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
    _require_new(out)
    _write_new(out, _services().report_html(place, language=lang, texts=texts))


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
    as_json: Json = False,
) -> None:
    """Predict labels for texts, for the rows of a file, or for the lines of standard input."""
    services = _services()
    if file is not None:
        if out is None or text:
            raise ConfigError(
                "--file takes --out, and no --text.", where="predict", fix="For example: --file in.csv --out out.csv"
            )
        rows = services.predict_file(bundle, file, out, text_column=text_column, probabilities=probabilities)
        if as_json:
            _print_json({"rows": rows, "out": str(out)})
        else:
            print(f"Wrote {rows} rows to {out}")
        return
    if out is not None:
        raise ConfigError("--out goes with --file.", where="predict", fix="For example: --file in.csv --out out.csv")
    from sft_keras import terminal

    chunk = 1 if not text and sys.stdin.isatty() else 1024  # answer a person line by line
    for prediction in services.predict(bundle, text if text else _lines(), chunk=chunk):
        if as_json:
            _print_json(vars(prediction))
        else:
            terminal.show_prediction(prediction, probabilities=probabilities)


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


@app.command()
def runs(
    places: Annotated[list[Path] | None, typer.Argument(metavar="[FOLDER]...", help="Where to look.")] = None,
    as_json: Json = False,
) -> None:
    """List the runs in the data directory, ./runs and the current folder, or in the folders given."""
    found = _services().runs(places or [])
    if as_json:
        _print_json([{"path": str(r.path), "backbone": r.backbone, **vars(r.status)} for r in found])
        return
    from sft_keras import terminal

    terminal.show_runs(found)


@app.command()
def version(as_json: Json = False) -> None:
    """Print the versions of sft-keras and of what it stands on."""
    from sft_keras.runs.worker import versions

    if as_json:
        _print_json(versions())
        return
    for name, number in versions().items():
        print(f"{name} {number}")
