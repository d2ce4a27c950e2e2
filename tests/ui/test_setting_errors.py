"""A value that cannot be used is told in the words of the form."""

from __future__ import annotations

from typing import Any

import pytest

from sft_keras.config import _PLAIN, RunConfig
from sft_keras.errors import SettingError
from sft_keras.ui.form import form_fields, read
from sft_keras.ui.setting_errors import _KEYS
from sft_keras.ui.shared import told
from sft_keras.ui.texts import catalogue

EN, ZH = catalogue("en"), catalogue("zh")


def refused(settings: dict[str, Any]) -> SettingError:
    with pytest.raises(SettingError) as error:
        RunConfig.parse(settings, source="settings")
    return error.value


@pytest.mark.parametrize(
    ("settings", "english", "chinese"),
    [
        (
            {"training": {"epochs": 0}},
            "Epochs: this must be 1 or more. Received: 0.",
            "“轮数”必须大于或等于 1，收到的是：0。",
        ),
        (
            {"training": {"epochs": None}},
            "whole number, such as 3. Received: nothing.",
            "“轮数”必须是整数，例如 3，收到的是：空。",
        ),
        ({"model": {"pooling": "x"}}, "Pooling: this must be one of 'auto'", "“池化”只能是以下之一："),
        ({"model": {"pooled_layers": "x"}}, "Layers pooled: this has none", "“读取的层”不是允许的写法"),
        (
            {"objective": {"terms": [{"name": "supcon", "weight": -1}]}},
            "λ, the weight of the term: ",
            "“λ（监督项的权重）”",
        ),
        (
            {"objective": {"terms": [{"name": "supcon", "temperature": 0}]}},
            "Temperature: ",
            "“温度”必须大于或等于 0.01",
        ),
        (
            {"training": {"head_solver": "logistic"}},
            "do not go together: training.head_solver",
            "“训练哪些部分”必须为 head。",
        ),
        ({"training": {"batch_size": 4, "accumulation_steps": 9}}, "a batch of 4 rows", "每批 4 行无法拆成 9 份。"),
    ],
)
def test_a_wrong_value(settings: dict[str, Any], english: str, chinese: str) -> None:
    error = refused(settings)
    assert english in told(error, EN)
    assert chinese in told(error, ZH)
    assert "sft-keras" not in told(error, EN) + told(error, ZH)
    assert "sft-keras init-config" in str(error)


def test_what_cannot_be_read() -> None:
    field = next(each for each in form_fields(RunConfig) if each.path == "objective.class_weights")
    with pytest.raises(SettingError) as error:
        read(field, "[1, 2")
    assert told(error.value, ZH).startswith("“类别权重”无法读取；请填写一个词")
    assert "{spam: 2, ham: 1}" in told(error.value, EN)


def test_every_kind_of_failure_has_words() -> None:
    assert set(_PLAIN) <= set(_KEYS)
