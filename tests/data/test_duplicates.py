"""Equal and nearly equal texts form groups, fast enough for real files."""

from __future__ import annotations

import random
import time

import numpy as np

from sft_keras.data.duplicates import duplicate_groups, exact_groups, normal_text, shingles


def test_normalization() -> None:
    assert normal_text(" Ｇood\u00a0 STRASSE\n") == normal_text("good straße") == "good strasse"
    assert exact_groups(["A b", "c", "a  B", "C"]).tolist() == [0, 1, 0, 1]


def test_near_duplicates_english_and_chinese() -> None:
    base = "The parcel arrived two days late and the box was damaged on one side, but the content was fine."
    chinese = (
        "前台楼层服务员都不错，房间安静整洁，交通方便，吃的周围也挺多，唯一不足是卫生间地漏设计不好，导致少量积水。"
    )
    texts = [
        base,
        base + "!",
        "Something quite different was said here.",
        chinese,
        chinese[:-1],
        "短",
        "短。",
        base.upper(),
    ]
    assert duplicate_groups(texts, 0.9).tolist() == [0, 0, 1, 2, 2, 3, 4, 0]
    assert duplicate_groups(texts, 1.0).tolist() == [0, 1, 2, 3, 4, 5, 6, 0]


def test_groups_are_closed_and_deterministic() -> None:
    words = [f"word{chr(97 + i) * 3}" for i in range(15)]
    chain = [" ".join(words[i : i + 12]) for i in range(4)]
    groups = duplicate_groups(chain, 0.7)
    assert len(set(groups.tolist())) == 1
    assert np.array_equal(groups, duplicate_groups(chain, 0.7))


def test_groups_agree_with_exact_similarity() -> None:
    source = random.Random(0)
    vocabulary = [f"word{i}" for i in range(60)]
    texts = [" ".join(source.choices(vocabulary, k=25)) for _ in range(60)]
    texts += [text.replace("word1", "word2", 1) for text in texts]
    threshold = 0.85
    pieces = [shingles(normal_text(text)) for text in texts]
    groups = duplicate_groups(texts, threshold)
    pairs = missed = 0
    for i in range(len(texts)):
        for j in range(i):
            similarity = len(pieces[i] & pieces[j]) / len(pieces[i] | pieces[j])
            if similarity >= threshold:
                pairs += 1
                missed += groups[i] != groups[j]
    assert pairs > 30
    assert missed <= 0.02 * pairs


def test_empty_and_single() -> None:
    assert duplicate_groups([], 0.9).shape == (0,)
    assert duplicate_groups([""], 0.9).tolist() == [0]


def test_fast_enough() -> None:
    source = random.Random(0)
    syllables = ["ka", "lo", "mi", "nu", "pe", "ra", "so", "ti", "vu", "ze"]
    words = ["".join(source.choices(syllables, k=3)) for _ in range(3000)]
    short = [" ".join(source.choices(words, k=10)) for _ in range(20_000)]
    started = time.perf_counter()
    assert len(set(duplicate_groups(short, 0.9).tolist())) > 19_900
    assert set(duplicate_groups(["always the same text"] * 1_000_000, 0.9).tolist()) == {0}
    assert time.perf_counter() - started < 30
