"""Notes are told apart by what they look like, also where people wrote the same words."""

from __future__ import annotations

import time

import pytest

from sft_keras.data.catalogue import catalogue as data_catalogue
from sft_keras.runs.log_wording import log_line
from sft_keras.services.wording import catalogue as message_catalogue


@pytest.mark.parametrize(
    ("note", "told"),
    [
        ('Texts: column "a", because of its name.', "文本：“a”列，根据列名判断。"),
        (
            'Texts: column "a", because of its name.", because of its name.',
            '文本：“a", because of its name.”列，根据列名判断。',
        ),
        ('Texts: column "a\nb", as you chose.', "文本：“a\nb”列，由您选定。"),
        ('Texts: column "", as you chose.', None),
        ("2 row(s) had up to 3 more cells, the first is row 4.", "有 2 行最多多出 3 个单元格，第一处是 row 4。"),
    ],
)
def test_what_people_wrote_is_carried_over(note: str, told: str | None) -> None:
    assert data_catalogue.translate(note, data_catalogue("zh")) == told


# Matching that goes back tries all combinations of the pieces, and does not come to an end here.
@pytest.mark.parametrize(
    "piece",
    [
        " row(s) had a x inside the text without quotation marks; the pieces were joined into cell ",
        " rows at once; going on from the last checkpoint with x. An update still has x rows, now in ",
        '" with the label "',
    ],
)
def test_what_repeats_pieces_of_a_sentence_is_looked_through_once(piece: str) -> None:
    text = piece.join("x" * (60_000 // len(piece)))
    began = time.process_time()
    for beginning in ("", "There is not enough memory for ", '2 correction(s) match no row; the first is "'):
        log_line(f"12:00:00 {beginning}{text}", "zh")
        message_catalogue.translate(beginning + text, message_catalogue("zh"))
    assert time.process_time() - began < 20
