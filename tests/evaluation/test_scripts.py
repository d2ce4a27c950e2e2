from __future__ import annotations

import pytest

from sft_keras.data.scripts import mostly_unspaced, unspaced_share


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("今天天气很好。", 1.0),
        ("これはペンです", 1.0),
        ("ภาษาไทยสวยงาม", 1.0),
        ("ພາສາລາວ", 1.0),
        ("ភាសាខ្មែរ", 1.0),
        ("မြန်မာဘာသာ", 1.0),
        ("𠮷野家", 1.0),
        ("plain English text", 0.0),
        ("한국어는 띄어쓰기를 한다", 0.0),
        ("обычный текст", 0.0),
        ("12345 !? 😀", 0.0),
        ("", 0.0),
        ("ab中文", 0.5),
    ],
)
def test_share_of_letters_without_spaces(text, share):
    assert unspaced_share([text]) == pytest.approx(share)


def test_mixed_texts_are_judged_by_all_letters():
    assert mostly_unspaced(["iPhone 手机很好用", "OK 不错的"])
    assert not mostly_unspaced(["An English review of 北京", "and one more sentence"])
    assert not mostly_unspaced([])


def test_only_the_first_texts_and_characters_are_read():
    def texts():
        yield "a" * 2000 + "中" * 9000
        for _ in range(9_999):
            yield "b"
        raise AssertionError("read too far")

    assert unspaced_share(texts()) == 0.0
