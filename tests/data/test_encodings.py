"""Every encoding gives the same table."""

from __future__ import annotations

from pathlib import Path

import pytest

from sft_keras.data.readers import read_table
from sft_keras.settings import Settings
from tests.data.tables import ROWS, pairs, save, written


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030", "utf-32"])
@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_every_encoding_gives_the_same_rows(encoding: str, separator: str, tmp_path: Path, settings: Settings) -> None:
    chinese = [(text, label) for text, label in ROWS if "Tr" not in text]
    path = save(tmp_path / "data.csv", written(chinese, separator).encode(encoding))
    assert pairs(read_table(path, settings)) == chinese


CHINESE = "前台楼层服务员都不错，房间安静整洁，交通方便，吃的周围也挺多。唯一不足，卫生间地漏设计不好，导致少量积水。"
TRADITIONAL = "這家飯店的服務非常好，房間乾淨，早餐也很豐富，下次還會再來。可惜離車站有點遠，晚上不太方便。"
FRENCH = "Très bel hôtel, le petit déjeuner était délicieux et la chambre très agréable, à bientôt !"
GERMAN = "Schönes Zimmer, aber das Frühstück war für den Preis zu dürftig. Größe der Räume: äußerst mäßig."


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (CHINESE, "gbk"),
        (CHINESE, "gb18030"),
        (TRADITIONAL, "big5"),
        (FRENCH, "cp1252"),
        (GERMAN, "cp1252"),
        (FRENCH, "latin-1"),
        ("“Hôtel” – 5 €", "cp1252"),
        ("好评", "gbk"),
        ("很好,正面", "gbk"),
        ("質量很差", "big5"),
        ("café", "cp1252"),
        ("Zürich", "latin-1"),
        ("Größe", "cp1252"),
    ],
)
@pytest.mark.parametrize("repeats", [1, 200])
def test_old_encodings_are_recognised_short_and_long(
    text: str, encoding: str, repeats: int, tmp_path: Path, settings: Settings
) -> None:
    path = save(tmp_path / "data.txt", "\n".join([text] * repeats).encode(encoding))
    assert ",".join(read_table(path, settings).frame.iloc[0]) == text


def test_cyrillic_and_japanese_are_left_to_charset_normalizer(tmp_path: Path, settings: Settings) -> None:
    for text, encoding in (
        ("Отличная гостиница, очень чисто и уютно, персонал вежливый и внимательный.", "cp1251"),
        ("部屋はとてもきれいで、スタッフも親切でした。また泊まりたいです。", "shift_jis"),
    ):
        path = save(tmp_path / "a.txt", "\n".join([text] * 30).encode(encoding))
        assert ",".join(read_table(path, settings).frame.iloc[0]) == text


def test_one_damaged_character_does_not_change_the_encoding(tmp_path: Path, settings: Settings) -> None:
    data = written([("服务很好" * 5, "好"), ("房间很差" * 5, "差")] * 20).encode()
    table = read_table(save(tmp_path / "a.csv", data[:100] + b"\xff" + data[100:]), settings)
    assert table.frame.iloc[-1, 0] == "房间很差" * 5
    assert any("damaged" in note for note in table.notes)


@pytest.mark.parametrize(
    ("encoding", "name", "rows"),
    [
        (
            "euc_kr",
            "EUC-KR",
            [
                ("이 영화는 정말 재미있고 감동적이었습니다", "긍정"),
                ("배우의 연기가 너무 형편없어서 실망했습니다", "부정"),
            ],
        ),
        (
            "euc_jp",
            "EUC-JP",
            [("この映画はとても面白かったです。また見たい", "肯定"), ("俳優の演技がひどくて残念でした", "否定")],
        ),
        ("gb18030", "GB18030 (GBK)", [("好评", "好"), ("差评，不好，很差", "差")]),
    ],
)
def test_korean_and_japanese_are_no_chinese(
    encoding: str, name: str, rows: list[tuple[str, str]], tmp_path: Path, settings: Settings
) -> None:
    """Their pairs of bytes are common Chinese characters, too: files were read as nonsense, without a word."""
    numbered = [(f"{text} {i}", label) for i in range(10) for text, label in rows]
    table = read_table(save(tmp_path / "a.csv", written(numbered).encode(encoding)), settings)
    assert pairs(table) == numbered
    assert f"Encoding: {name}." in table.notes
