"""Quotes, separators and line ends: doubtful files lose no row, and what was done is told."""

from __future__ import annotations

from pathlib import Path

from sft_keras.data.readers import read_table
from sft_keras.settings import Settings
from tests.data.tables import pairs, save, written


def test_unbalanced_quotes_swallow_no_line(tmp_path: Path, settings: Settings) -> None:
    lines = ['ham\t"Hello there', "spam\tWin now", 'ham\the said "hi" to me', 'spam\t"a" or "b"', "ham\tok"] * 5
    table = read_table(save(tmp_path / "a.tsv", "\n".join(lines)), settings)
    assert len(table.frame) == 25
    assert table.frame.iloc[0, 1] == '"Hello there'
    assert table.frame.iloc[3, 1] == '"a" or "b"'


def test_one_stray_quote_in_a_quoted_file_costs_no_row(tmp_path: Path, settings: Settings) -> None:
    rows = [("one, two", "a"), ("three\nfour", "b")] * 10
    data = written(rows[:10]) + '"never closed,a\n' + written(rows[10:], header=False)
    table = read_table(save(tmp_path / "a.csv", data), settings)
    assert len(table.frame) == 21
    assert table.frame.iloc[10].tolist() == ['"never closed', "a"]
    assert table.frame.iloc[-1].tolist() == ["three\nfour", "b"]


def test_a_quoted_cell_of_two_lines_may_hold_a_comma_on_the_first(tmp_path: Path, settings: Settings) -> None:
    rows = [("short", "a"), ("I have an account, but\n.", "b"), ("other", "a")] * 5
    table = read_table(save(tmp_path / "a.csv", written(rows)), settings)
    assert pairs(table) == rows


def test_a_cell_whose_lines_look_like_rows_is_kept_and_told(tmp_path: Path, settings: Settings) -> None:
    rows = [("short", "a"), ("one, two\nthree, four\nfive", "b"), ("other", "a")]
    table = read_table(save(tmp_path / "a.csv", written(rows)), settings)
    assert pairs(table) == rows
    assert any(note.startswith("1 row(s) have a cell of several lines") for note in table.notes)


def test_marks_that_close_by_chance_swallow_no_rows(tmp_path: Path, settings: Settings) -> None:
    lines = ['ham\t"Hello there', "spam\tWin now", 'ham\tso he said bye"', 'spam\tthe "best" offer'] * 3
    table = read_table(save(tmp_path / "a.tsv", "\n".join(lines)), settings)
    assert table.frame.iloc[:, 1].tolist() == [line.split("\t")[1] for line in lines]


def test_line_ends_in_a_cell_are_kept(tmp_path: Path, settings: Settings) -> None:
    rows = [("dos\r\nlines", "a"), ("old\rmac", "b"), ("unix\n", "a")]
    assert pairs(read_table(save(tmp_path / "a.csv", written(rows)), settings)) == rows
    unquoted = "text,label\nold\rmac,a\nplain,b\n"
    assert pairs(read_table(save(tmp_path / "b.csv", unquoted), settings)) == [("old\rmac", "a"), ("plain", "b")]


def test_backslash_quotes(tmp_path: Path, settings: Settings) -> None:
    data = 'text,label\n"He said \\"hi, you\\" twice",a\n"plain, text",b\n'
    assert read_table(save(tmp_path / "a.csv", data), settings).frame.iloc[0].tolist() == [
        'He said "hi, you" twice',
        "a",
    ]


def test_commas_in_unquoted_text_are_joined_again(tmp_path: Path, settings: Settings) -> None:
    data = "text,label\ngood,pos\nwell, really, good,pos\nbad,neg\nshort\n"
    table = read_table(save(tmp_path / "a.csv", data), settings)
    assert pairs(table) == [("good", "pos"), ("well, really, good", "pos"), ("bad", "neg"), ("short", "")]
    assert any(note.startswith("1 row(s) had a comma") for note in table.notes)
    assert any(note.startswith("1 row(s) had too few cells") for note in table.notes)


def test_empty_columns_behind_the_last_are_dropped(tmp_path: Path, settings: Settings) -> None:
    table = read_table(save(tmp_path / "a.csv", "text,label,,\n" + "a b c,x,,\n" * 3), settings)
    assert list(table.frame.columns) == ["text", "label"]


def test_one_text_a_line(tmp_path: Path, settings: Settings) -> None:
    table = read_table(save(tmp_path / "a.txt", "Good.\nBad, really.\n\nSo, and so, on.\n"), settings)
    assert table.frame["column 1"].tolist() == ["Good.", "Bad, really.", "So, and so, on."]
    assert read_table(save(tmp_path / "b.txt", "only one line"), settings).frame.shape == (1, 1)


def test_very_long_cell(tmp_path: Path, settings: Settings) -> None:
    table = read_table(save(tmp_path / "a.csv", f'text,label\n"{"word, " * 100_000}",a\nb,b\n'), settings)
    assert len(table.frame.iloc[0, 0]) == 600_000


def test_unusual_line_ends(tmp_path: Path, settings: Settings) -> None:
    for end in ("\r\n", "\r", "\n"):
        table = read_table(save(tmp_path / "a.csv", end.join(["text,label", "a\u2028b,x", "c\x85d,y"])), settings)
        assert table.frame["text"].tolist() == ["a\u2028b", "c\x85d"]


def test_the_line_that_tells_excel_the_separator_is_no_header(tmp_path: Path, settings: Settings) -> None:
    table = read_table(save(tmp_path / "a.csv", "sep=;\r\nFoo;Bar\r\n" + "a b c;good\r\nd e f;bad\r\n" * 10), settings)
    assert list(table.frame.columns) == ["Foo", "Bar"]
    assert len(table.frame) == 20
    many = read_table(save(tmp_path / "b.csv", "sep=;\r\n" * 5_000 + "a b c;good\r\nd e f;bad\r\n" * 10), settings)
    assert len(many.frame) > 20  # only the first of them is such a line
