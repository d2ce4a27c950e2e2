"""Bytes to text: finds the encoding of a file that does not tell it.

UTF-8 is checked strictly and UTF-16 by the plausibility of what comes out. The old double-byte Chinese
encodings are told from each other, and from Western ones, by a property that also holds for a short text:
the common characters of GB2312 and of Big5 lie in known ranges of lead and trail bytes, and text in the
wrong encoding falls outside them. charset-normalizer decides what is left (Japanese, Korean, Cyrillic).
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Callable, Iterator
from itertools import islice

import charset_normalizer

from sft_keras.errors import DataError

SAMPLE_BYTES = 256 * 1024
SCORED_LINES = 5_000
MIXED_LINES = 1_000_000
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8", "UTF-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
    (b"\x84\x31\x95\x33", "gb18030", "GB18030"),
)
OTHER_ENCODINGS = ["shift_jis", "euc_jp", "euc_kr", "cp1251", "koi8_r", "cp1253"]
RARE_IN_CP1252 = frozenset([*range(0x81, 0x85), *range(0x86, 0x91), *range(0x98, 0xA0)])
# Bytes that no text file holds; tab, newlines, form feed, escape and the DOS end mark are let through.
CONTROL_BYTES = bytes(b for b in range(32) if b not in (9, 10, 12, 13, 26, 27))

_HIGH_BYTES = bytes(range(0x80, 0x100))
_WIDE = re.compile(rb"[\x80-\xff]")


def decode(data: bytes, where: str) -> tuple[str, tuple[str, ...]]:
    """The text that the bytes stand for, and notes on how it was found.

    Raises:
        DataError: The bytes are no text.

    Example:
        >>> decode("标签,文本".encode("gb18030"), "a.csv")
        ('标签,文本', ('Encoding: GB18030 (GBK).',))
    """
    for mark, codec, name in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return _with_few_errors(data[len(mark) :], codec, name, where)
    if b"\x00" in data:
        return _decode_utf16(data, where)
    try:
        return data.decode("utf-8"), ("Encoding: UTF-8.",)
    except UnicodeDecodeError:
        pass
    _refuse_mixture(data, where)
    if _is_nearly_utf8(data):
        return _with_few_errors(data, "utf-8", "UTF-8", where)
    if _share(data, CONTROL_BYTES) > 0.001:
        raise _not_text(where)
    sample = data[:SAMPLE_BYTES]
    if neighbour := _neighbour(sample):
        return _with_few_errors(data, *neighbour, where)
    chinese = {"gb18030": _gb_score(sample), "big5hkscs": _big5_score(sample)}
    codec = max(chinese, key=lambda name: chinese[name])
    if chinese[codec] >= 0.6:
        return _with_few_errors(data, codec, {"gb18030": "GB18030 (GBK)", "big5hkscs": "Big5"}[codec], where)
    return _decode_single_byte(data, sample, where)


def _decode_single_byte(data: bytes, sample: bytes, where: str) -> tuple[str, tuple[str, ...]]:
    wide = [b for b in sample if b >= 0x80]
    letters = sum(chr(b).isalpha() for b in sample)
    # Accents are few among the letters of Western text, and few of its high bytes are rare symbols.
    foreign_letters = sum(b >= 0xC0 for b in wide) > 0.5 * letters
    foreign_symbols = sum(b in RARE_IN_CP1252 for b in wide) > 0.2 * len(wide)
    if len(wide) >= 20 and (foreign_letters or foreign_symbols):
        best = charset_normalizer.from_bytes(sample, cp_isolation=OTHER_ENCODINGS, enable_fallback=False).best()
        if best is not None:
            return _with_few_errors(data, best.encoding, best.encoding.replace("_", "-").upper(), where)
    try:
        return data.decode("cp1252"), ("Encoding: Windows-1252 (Western European).",)
    except UnicodeDecodeError:
        return data.decode("latin-1"), ("Encoding: Latin-1 (Western European).",)


def _with_few_errors(data: bytes, codec: str, name: str, where: str) -> tuple[str, tuple[str, ...]]:
    """Decodes; a handful of damaged characters become U+FFFD with a note, more of them are an error."""
    try:
        return data.decode(codec), (f"Encoding: {name}.",)
    except UnicodeDecodeError as error:
        text = data.decode(codec, errors="replace")
        broken = text.count("\ufffd")
        if broken > max(8, len(text) // 200):
            raise DataError(
                f"The file looks like {name} but is damaged: {broken} characters cannot be read.",
                where=f"{where}, {_place(data, codec, error.start)}",
                fix="Save the file as UTF-8 and try again.",
            ) from None
        return text, (
            f"Encoding: {name}.",
            f"{broken} damaged character(s) were replaced by \ufffd, the first at {_place(data, codec, error.start)}.",
        )


def _place(data: bytes, codec: str, position: int) -> str:
    before = data[:position].decode(codec, errors="replace")
    return f"byte {position + 1}, line {before.count(chr(10)) + 1}"


def _refuse_mixture(data: bytes, where: str) -> None:
    """Raises `DataError` if some lines are clearly UTF-8 and others clearly a double-byte Chinese encoding."""
    utf8: list[int] = []
    foreign: list[tuple[int, bytes]] = []
    for number, line in islice(_wide_lines(data), MIXED_LINES):
        try:
            # Three characters of three bytes do not come about by chance.
            if sum(c >= "\u2e80" for c in line.decode("utf-8")) >= 3:
                utf8.append(number)
        except UnicodeDecodeError:
            if len(foreign) < SCORED_LINES:
                foreign.append((number, line[:2_000]))
    if not utf8:
        return
    other: dict[str, list[int]] = {"GB18030 (GBK)": [], "Big5": []}
    for number, line in foreign:
        if len(line) - len(line.translate(None, _HIGH_BYTES)) >= 4:
            scores = {"GB18030 (GBK)": _gb_score(line), "Big5": _big5_score(line)}
            name = max(scores, key=lambda each: scores[each])
            if scores[name] >= 0.9:
                other[name].append(number)
    name = max(other, key=lambda each: len(other[each]))
    if not other[name]:
        return
    fewer, more = sorted(((utf8, "UTF-8"), (other[name], name)), key=lambda found: len(found[0]))
    shown = ", ".join(map(str, fewer[0][:10])) + (", …" if len(fewer[0]) > 10 else "")
    raise DataError(
        f"The file mixes two encodings: {len(more[0])} line(s) are {more[1]}, but {len(fewer[0])} are {fewer[1]}.",
        where=f"{where}, line(s) {shown}",
        fix="Put these lines right in an editor, and save the whole file as UTF-8.",
    )


def _wide_lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The lines that are not plain ASCII, each with its number from 1 on."""
    number, counted, end = 1, 0, 0
    while wide := _WIDE.search(data, end):
        start = data.rfind(b"\n", end, wide.start()) + 1 or end
        end = data.find(b"\n", wide.end())
        end = len(data) if end < 0 else end
        number += data.count(b"\n", counted, start)
        counted = start
        yield number, data[start:end]


def _is_nearly_utf8(data: bytes) -> bool:
    """True if almost all non-ASCII bytes form valid UTF-8: one damaged character must not make it Latin-1."""
    text = data.decode("utf-8", errors="replace")
    broken = text.count("\ufffd")
    wide = len(text) - len(text.encode("ascii", errors="ignore")) - broken
    return wide >= 20 * broken


def _decode_utf16(data: bytes, where: str) -> tuple[str, tuple[str, ...]]:
    """UTF-16 without a mark: of the two byte orders the one that yields sensible characters."""
    if len(data) % 2 == 0:
        scored = []
        for codec in ("utf-16-le", "utf-16-be"):
            try:
                text = data.decode(codec)
            except UnicodeDecodeError:
                continue
            sample = text[:20_000]
            odd = sum(unicodedata.category(c) in {"Cn", "Co", "Cc"} and c not in "\t\r\n" for c in sample)
            # Spaces and newlines exist in any text; with the bytes swapped they become other characters.
            plain = sum(c in " \t\r\n,，。" for c in sample)
            scored.append((odd / len(sample), -plain, text))
        if scored:
            odd_share, negative_plain, text = min(scored)
            if odd_share < 0.005 and negative_plain < 0:
                return text, ("Encoding: UTF-16.",)
    raise _not_text(where)


def _neighbour(sample: bytes) -> tuple[str, str] | None:
    """Codec and name of Japanese or Korean in an encoding whose pairs of bytes are common Chinese characters, too.

    Kana are a third of any Japanese text, and hardly stand in Chinese. All Korean syllables lie in the lower half of
    the range that GB2312's common characters fill evenly, so that twenty different Chinese ones are not all in it.
    """
    pairs = re.findall(rb"[\x81-\xfe][\x40-\xfe]", sample)
    different = set(pairs)
    if len(different) < 20 or sum(pair[1] >= 0xA1 for pair in pairs) < 0.99 * len(pairs):
        return None
    if sum(pair[0] in (0xA4, 0xA5) for pair in pairs) >= 0.3 * len(pairs):
        return "euc_jp", "EUC-JP"
    words = [pair for pair in different if pair[0] > 0xA3]
    if len(words) >= 20 and sum(0xB0 <= pair[0] <= 0xC8 for pair in words) >= 0.98 * len(words):
        return "cp949", "EUC-KR"
    return None


def _gb_score(sample: bytes) -> float:
    """Share of the non-ASCII bytes that form common GB2312 characters (level 1, punctuation, full-width)."""
    return _pair_score(sample, lambda lead, trail: trail >= 0xA1 and (0xB0 <= lead <= 0xD7 or lead in (0xA1, 0xA3)))


def _big5_score(sample: bytes) -> float:
    """Share of the non-ASCII bytes that form common Big5 characters (level 1 and punctuation)."""
    return _pair_score(sample, lambda lead, _: 0xA4 <= lead <= 0xC6 or lead == 0xA1)


def _pair_score(sample: bytes, is_common: Callable[[int, int], bool]) -> float:
    common = wide = position = ascii_trails = 0
    while position < len(sample):
        lead = sample[position]
        if lead < 0x80:
            position += 1
            continue
        trail = sample[position + 1] if position + 1 < len(sample) else 0
        if trail < 0x40 or trail == 0x7F:
            wide += 1
            position += 1
            continue
        wide += 1
        common += is_common(lead, trail)
        ascii_trails += trail < 0x80
        position += 2
    if not wide:
        return 0.0
    # In Western text nearly every high byte stands alone before an ASCII letter, which Big5 would take for a pair.
    return 0.0 if ascii_trails > 0.8 * wide else common / wide


def _share(data: bytes, wanted: bytes) -> float:
    return 1 - len(data.translate(None, wanted)) / len(data) if data else 0.0


def _not_text(where: str) -> DataError:
    return DataError(
        "The file holds binary data, not text.",
        where=where,
        fix="Choose a CSV, TSV, JSON, JSON Lines, Parquet, XLSX, XLS, ODS or fastText file.",
    )
