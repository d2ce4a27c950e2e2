"""Public files as they are passed around: ragged, misnamed, in old encodings."""

from __future__ import annotations

from pathlib import Path

from sft_keras.data.columns import choose_columns
from sft_keras.data.readers import read_table
from sft_keras.settings import Settings


def test_awkward_sms_files(awkward: Path, settings: Settings) -> None:
    table = read_table(awkward / "sms_tsv_noheader" / "SMSSpamCollection", settings)
    columns = choose_columns(table.frame)
    assert table.frame[columns.label].value_counts().to_dict() == {"ham": 4827, "spam": 747}
    for name in ("spam_utf8_extra_empty_columns.csv", "spam_utf8_noheader.csv"):
        table = read_table(awkward / "sms_csv_ragged" / name, settings)
        columns = choose_columns(table.frame)
        assert table.frame.shape[1] == 2
        assert table.frame.shape[0] >= 5572
        assert set(table.frame[columns.label].value_counts().index[:2]) == {"ham", "spam"}


def test_awkward_quotes_and_mark(awkward: Path, settings: Settings) -> None:
    frame = read_table(awkward / "mrpc_tsv_bom_quotes" / "msr_paraphrase_test.txt", settings).frame
    assert frame.shape == (1725, 5)
    assert frame.columns[0] == "Quality"
    assert frame["Quality"].value_counts().to_dict() == {"1": 1147, "0": 578}


def test_awkward_tab_file_named_csv(awkward: Path, settings: Settings) -> None:
    frame = read_table(awkward / "stsb_csv_named_but_tab_ragged" / "sts-dev.csv", settings).frame
    assert len(frame) == 1500
    assert frame["column 6"].iloc[0] == "A man with a hard hat is dancing."


def test_awkward_json_lines_named_json(awkward: Path, settings: Settings) -> None:
    table = read_table(awkward / "tnews_jsonl" / "dev.json", settings)
    columns = choose_columns(table.frame)
    assert (columns.text, columns.label) == ("sentence", "label")


def test_awkward_latin1_and_gbk(awkward: Path, settings: Settings) -> None:
    frame = read_table(awkward / "trec_latin1" / "TREC.train", settings).frame
    assert list(frame.columns) == ["text", "label", "fine_label"]
    assert frame["label"].nunique() == 6
    assert frame["text"].iloc[0] == "How did serfdom develop in and then leave Russia ?"
    assert len(frame) == 5452
    for path in sorted((awkward / "zh_gbk_folder_per_class").rglob("*.txt")):
        assert "Encoding: GB18030 (GBK)." in read_table(path, settings).notes, path
