"""Equal and nearly equal texts form groups, fast enough for real files."""

from __future__ import annotations

import random
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sft_keras.data import duplicates
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


def brute_force(texts: list[str], similarity: float) -> list[int]:
    """Connected components over all pairs that are alike enough."""
    pieces = [shingles(normal_text(text)) for text in texts]
    groups = list(range(len(texts)))
    for i in range(len(texts)):
        for j in range(i):
            if len(pieces[i] & pieces[j]) / len(pieces[i] | pieces[j]) >= similarity:
                old, new = max(groups[i], groups[j]), min(groups[i], groups[j])
                groups = [new if group == old else group for group in groups]
    return list(np.unique(groups, return_inverse=True)[1])


WORDS = st.lists(st.sampled_from(["parcel", "late", "refund", "great", "很好", "服务", "7"]), min_size=1, max_size=12)


@given(st.lists(WORDS.map(" ".join), min_size=1, max_size=12), st.sampled_from([0.9, 1.0]))
@settings(max_examples=60, deadline=None)
def test_groups_are_those_of_brute_force_but_for_pairs_that_are_missed(texts: list[str], similarity: float) -> None:
    found, true = duplicate_groups(texts, similarity).tolist(), brute_force(texts, similarity)
    assert all(true[i] == true[j] for i in range(len(texts)) for j in range(i) if found[i] == found[j])
    if similarity == 1.0:
        assert found == true


def test_a_bucket_gives_the_texts_before_it_and_no_more_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = np.random.default_rng(0).integers(0, 5, 200).astype(np.uint64)
    buckets = duplicates._Buckets(keys)
    for i in range(200):
        assert sorted(buckets.before(i).tolist()) == [j for j in range(i) if keys[j] == keys[i]]
    monkeypatch.setattr(duplicates, "MOST_IN_BUCKET", 3)
    assert max(len(buckets.before(i)) for i in range(200)) == 3


def test_a_crowd_of_one_template_is_not_quadratic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "MOST_IN_BUCKET", 5)
    crowd = [
        f"Your order has been sent and will be with you within two to three working days, number {i}"
        for i in range(300)
    ]
    assert set(duplicate_groups(crowd, 0.9).tolist()) == {0}


def test_empty_and_single() -> None:
    assert duplicate_groups([], 0.9).shape == (0,)
    assert duplicate_groups([""], 0.9).tolist() == [0]


def test_fast_enough() -> None:
    source = random.Random(0)
    syllables = ["ka", "lo", "mi", "nu", "pe", "ra", "so", "ti", "vu", "ze"]
    words = ["".join(source.choices(syllables, k=3)) for _ in range(3000)]
    short = [" ".join(source.choices(words, k=10)) for _ in range(20_000)]
    started = time.process_time()
    assert len(set(duplicate_groups(short, 0.9).tolist())) > 19_900
    assert set(duplicate_groups(["always the same text"] * 1_000_000, 0.9).tolist()) == {0}
    assert time.process_time() - started < 30
