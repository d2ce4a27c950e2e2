"""What `auto` means, by the script of the texts and by what this machine can load."""

from __future__ import annotations

from pathlib import Path

import pytest

from sft_keras.config import RunConfig
from sft_keras.modeling import backbone_choice
from sft_keras.modeling.backbone_choice import choose_backbone
from sft_keras.modeling.backbones.base import known_presets
from sft_keras.services import Services
from tests.conftest import TINY, merged, write_csv

ENGLISH, CHINESE, RUSSIAN = ["a good film"] * 5, ["这部电影很好看"] * 5, ["хороший фильм"] * 5


@pytest.mark.parametrize(
    ("texts", "online", "offline"),
    [
        (ENGLISH, "minilm", "minilm"),
        (CHINESE, "bge_small_v1.5_zh", "lstm"),
        (RUSSIAN, "bert_base_multi", "lstm"),
    ],
)
def test_the_backbone_follows_the_language(
    monkeypatch: pytest.MonkeyPatch, texts: list[str], online: str, offline: str
) -> None:
    for answers, expected in ((True, online), (False, offline)):
        monkeypatch.setattr(backbone_choice, "hub_answers", lambda answers=answers: answers)
        name, reason = choose_backbone(texts)
        assert name == expected
        assert f'"{expected}"' in reason


def test_what_is_here_needs_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    family = known_presets()["bert_base_zh"][0]
    monkeypatch.setattr(type(family), "is_here", lambda _, preset: preset.name == "bert_base_zh")
    monkeypatch.setattr(backbone_choice, "hub_answers", lambda: pytest.fail("the network was asked"))
    assert choose_backbone(CHINESE)[0] == "bert_base_zh"


def test_a_run_keeps_what_was_chosen_and_says_why(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backbone_choice, "hub_answers", lambda: False)
    rows = [
        (f"这部电影{word}看第{index}遍", label)
        for index in range(20)
        for word, label in (("好", "正面"), ("难", "负面"))
    ]
    data = write_csv(tmp_path / "评论.csv", rows, ("文本", "标签"))
    run = services.prepare(str(data), RunConfig.parse(merged(TINY, {})), out=tmp_path / "run")
    assert run.config().model.backbone == "lstm"
    assert "learned from your texts" in (run.path / "log.txt").read_text(encoding="utf-8")


def test_the_hub_is_not_asked_for_every_look(monkeypatch):
    asked = []

    def refuse(*_args, **_options):
        asked.append(1)
        raise OSError

    monkeypatch.setattr(backbone_choice, "getproxies", dict)
    monkeypatch.setattr(backbone_choice.socket, "create_connection", refuse)
    backbone_choice.hub_answers.cache.clear()
    assert [backbone_choice.hub_answers() for _ in range(3)] == [False] * 3
    assert asked == [1]
    backbone_choice.hub_answers.cache.clear()
