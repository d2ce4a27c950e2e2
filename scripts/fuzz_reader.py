"""Spoils valid files of every format, and looks for anything but a clean answer from the reader and the check.

    python scripts/fuzz_reader.py SECONDS [SEED]

A file that is refused with an `SftError` is a clean answer, and so is a table. Everything else is written to the
folder `fuzz-findings`, each case with its traceback. No Keras is imported. Exit code 1 if anything was found.
"""

from __future__ import annotations

import collections
import csv
import gzip
import hashlib
import io
import json
import random
import sys
import time
import traceback
import zipfile
from pathlib import Path

import pandas as pd

from sft_keras.data.checks import check_examples
from sft_keras.data.columns import choose_columns
from sft_keras.data.examples import examples_from_table
from sft_keras.data.fixes import fix_table
from sft_keras.data.readers import read_table
from sft_keras.errors import SftError
from sft_keras.settings import Settings

FINDINGS = Path("fuzz-findings")
# Small limits are reached as well, and no spoilt size can claim the memory of the machine.
LIMITS = {"max_file_mib": 4, "max_rows": 5_000, "max_text_characters": 20_000, "max_classes": 50}
SLOW_SECONDS = 20.0
TEXTS = [
    "服务很好，下次还来。",
    'He said "never", and left.',
    "Two\nlines",
    "Très bon séjour",
    "屏幕太暗了",
    "a, b; c|d",
    "🙂 ok",
]
LABELS = ["正面", "负面", "neutral"]
# What makes one format look like another, or sits at the edge of one.
TOKENS = [
    *(b'"', b'""', b"\r", b"\n", b"\r\n", b"\t", b",", b";", b"|", b"\x00", b"\x1a", b"\xff", b"\xfe", b"\xef\xbb\xbf"),
    *(b"{", b"[", b"]}", b'{"', b"\\u", b"\\ud800", b"null", b"NaN", b"1e999", b"-0", b"__label__", b"PK\x03\x04"),
    *(b"\x1f\x8b", b"PAR1", b"\xd0\xcf\x11\xe0", b"<html>", b"<?xml", b"%PDF", b"\xff\xff\xff\xff", b"\x80\x04\x95"),
    *("文本".encode(codec) for codec in ("utf-8", "gb18030", "big5", "utf-16-le", "shift_jis")),
]


def seeds() -> dict[str, bytes]:
    """A valid file of each format, by a name whose ending fits."""
    import openpyxl
    import xlwt

    rows = [(TEXTS[i % len(TEXTS)] + f" {i * 7919}", LABELS[i % 3]) for i in range(30)]
    frame = pd.DataFrame(rows, columns=["文本", "label"])
    records = frame.to_dict("records")
    found: dict[str, bytes] = {}
    for separator, ending in ((",", "csv"), ("\t", "tsv"), (";", "semicolon.csv"), ("|", "txt")):
        stream = io.StringIO()
        csv.writer(stream, delimiter=separator).writerows([tuple(frame.columns), *rows])
        found[f"a.{ending}"] = stream.getvalue().encode()
    text = found["a.csv"].decode()
    for codec in ("utf-8-sig", "utf-16", "utf-16-le", "utf-32", "gb18030"):
        found[f"{codec}.csv"] = text.encode(codec)
    found["big5.csv"] = "文本,標籤\n服務很好,好\n房間很差,差\n".encode("big5") * 5
    found["latin.csv"] = "text,label\nTrès bon séjour,pos\nDéçu,neg\n".encode("cp1252") * 5
    found["a.json"] = json.dumps(records, ensure_ascii=False).encode()
    found["columns.json"] = json.dumps(frame.to_dict("list")).encode()
    found["a.jsonl"] = "\n".join(json.dumps(record) for record in records).encode()
    found["fasttext.txt"] = "\n".join(f"__label__{label} {text!r}" for text, label in rows).encode()
    found["trec.txt"] = "\n".join(f"{'LOC' if i % 2 else 'HUM'}:x Who is {i} ?" for i in range(20)).encode()
    stream = io.BytesIO()
    frame.assign(nested=[{"a": [1, None]}] * len(frame), n=range(len(frame))).to_parquet(stream)
    found["a.parquet"] = stream.getvalue()
    book = openpyxl.Workbook()
    for row in [tuple(frame.columns), *rows]:
        book.active.append(row)
    book.active.merge_cells("B2:B4")
    stream = io.BytesIO()
    book.save(stream)
    found["a.xlsx"] = stream.getvalue()
    old = xlwt.Workbook()
    sheet = old.add_sheet("data")
    for i, row in enumerate([tuple(frame.columns), *rows]):
        for j, cell in enumerate(row):
            sheet.write(i, j, cell)
    stream = io.BytesIO()
    old.save(stream)
    found["a.xls"] = stream.getvalue()
    found["a.csv.gz"] = gzip.compress(found["a.csv"])
    found["a.zip"] = zipped({"a.csv": found["a.csv"]})
    found["folders.zip"] = zipped(
        {f"{label}/{i}.txt": text.encode("gb18030", "replace") for i, (text, label) in enumerate(rows)}
    )
    found["xlsx.zip"] = zipped({"a.xlsx": found["a.xlsx"]})
    return found


def zipped(members: dict[str, bytes]) -> bytes:
    """A zip archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def spoil(data: bytes, others: list[bytes], source: random.Random) -> bytes:
    """The bytes after one to six changes; in an archive, often those of a member, so that the inside is reached."""
    if data.startswith(b"PK") and source.random() < 0.6:
        return spoil_member(data, others, source)
    if data.startswith(b"\x1f\x8b") and source.random() < 0.6:
        try:
            return gzip.compress(spoil(gzip.decompress(data), others, source))
        except (OSError, EOFError):
            pass
    spoilt = bytearray(data)
    for _ in range(source.randint(1, 6)):
        a, b = sorted(source.randrange(len(spoilt) + 1) for _ in range(2))
        kind = source.randrange(9)
        if kind == 0 and spoilt:
            spoilt[source.randrange(len(spoilt))] ^= 1 << source.randrange(8)
        elif kind == 1 and spoilt:
            spoilt[source.randrange(len(spoilt))] = source.randrange(256)
        elif kind == 2:
            spoilt[a : min(b, a + source.choice([1, 4, 64, 100_000]))] = b""
        elif kind == 3:
            del spoilt[a:]
        elif kind == 4:
            other = source.choice(others)
            c, d = sorted(source.randrange(len(other) + 1) for _ in range(2))
            spoilt[a:a] = other[c:d][:5_000]
        elif kind == 5:
            spoilt[a:a] = source.choice(TOKENS) * source.choice([1, 1, 1, 2, 50])
        elif kind == 6:
            spoilt[a:b] = source.choice(TOKENS)
        elif kind == 7:
            piece = bytes(spoilt[a:b][:2_000])
            spoilt[a:a] = piece * source.choice([1, 2, 20])
        else:
            piece = bytes(spoilt[a:b])
            codec = source.choice(["gb18030", "utf-16-le", "big5", "cp1252", "shift_jis", "utf-7"])
            spoilt[a:b] = piece.decode("utf-8", "ignore").encode(codec, "ignore")
    return bytes(spoilt)


def spoil_member(data: bytes, others: list[bytes], source: random.Random) -> bytes:
    """An archive in which the contents or the name of one member are spoilt."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
    except Exception:
        return data[: source.randrange(len(data) + 1)]
    if not members:
        return data
    name = source.choice(sorted(members))
    if source.random() < 0.1:
        members[source.choice(["../x.txt", "/a/b.txt", "标签/1.txt", "a//b.TXT", "x" * 300, ".txt"])] = members.pop(
            name
        )
    else:
        members[name] = spoil(members[name], others, source)
    return zipped(members)


def outcome(path: Path, settings: Settings) -> str:
    """What reading, checking, mending and taking the examples gives."""
    try:
        table = read_table(path, settings)
        if not all(type(cell) is str for column in table.frame for cell in table.frame[column]):
            raise AssertionError("a cell is no string")
        columns = choose_columns(table.frame, source=table.source)
        json.dumps(check_examples(table, columns, settings).to_dict(), allow_nan=False).encode()
    except SftError as error:
        if not (str(error) and error.where and error.fix):
            raise AssertionError(f"the error lacks a part: {error.to_dict()}") from error
        return "refused"
    for work in (lambda: fix_table(table, columns), lambda: examples_from_table(table, columns, settings)):
        try:
            work()
        except SftError:
            return "read, not usable"
    return "read"


def main() -> int:
    """Runs for the given time and tells what was found."""
    if not 2 <= len(sys.argv) <= 3:
        print(__doc__)
        return 2
    seconds = float(sys.argv[1])
    source = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 0)  # noqa: S311
    corpus = seeds()
    counts: collections.Counter[str] = collections.Counter()
    seen: set[str] = set()
    names = sorted(corpus)
    others = [corpus[name] for name in names]
    began = time.monotonic()
    # What ends the process itself leaves its file there.
    folder = FINDINGS / "at-work"
    folder.mkdir(parents=True, exist_ok=True)
    limit_memory()
    settings = Settings(data_dir=folder, **LIMITS)
    while time.monotonic() - began < seconds:
        name = source.choice(names)
        data = spoil(corpus[name], others, source)
        kept_name = source.random() < 0.8
        path = folder / (name if kept_name else source.choice(names))
        path.write_bytes(data)
        start = time.monotonic()
        try:
            result = outcome(path, settings)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            result = "FAULT"
            told = traceback.format_exc()
            place = traceback.extract_tb(error.__traceback__)[-1]
            keep(seen, f"{type(error).__name__} {place.filename}:{place.lineno}", path, data, told)
        taken = time.monotonic() - start
        if taken > SLOW_SECONDS:
            result = "SLOW"
            keep(seen, f"slow {name}", path, data, f"{taken:.1f} s")
        counts[result] += 1
        path.unlink()
    folder.rmdir()
    total = sum(counts.values())
    print(
        f"{total} files in {time.monotonic() - began:.0f} s: "
        + ", ".join(f"{n} {kind}" for kind, n in counts.most_common())
    )
    print(f"{len(seen)} different findings" + (f", see {FINDINGS}" if seen else ""))
    return 1 if seen else 0


def limit_memory() -> None:
    """Makes a claim on all memory fail, where the system can."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, resource.RLIM_INFINITY))


def keep(seen: set[str], key: str, path: Path, data: bytes, told: str) -> None:
    """Writes a case down, once for each place in the code."""
    if key in seen:
        return
    seen.add(key)
    FINDINGS.mkdir(exist_ok=True)
    stem = hashlib.sha256(data).hexdigest()[:8]
    (FINDINGS / f"{stem}-{path.name}").write_bytes(data)
    (FINDINGS / f"{stem}.txt").write_text(f"{key}\n{told}", encoding="utf-8", errors="replace")
    print(f"FOUND {key}: {told.strip().splitlines()[-1][:200]}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
