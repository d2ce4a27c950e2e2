"""Parts have the asked size, hold every class, share no text, and are the same for the same seed."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest

from sft_keras.data.assignment import limit_rows
from sft_keras.data.duplicates import duplicate_groups
from sft_keras.data.examples import Examples
from sft_keras.data.splits import Splits, split_examples, split_given
from sft_keras.errors import DataError

from .conftest import examples_of

OPTIONS = {"validation_fraction": 0.1, "test_fraction": 0.2, "seed": 0, "similarity": 0.9}


def made_up(seed: int, rows: int) -> Examples:
    """Examples with unequal classes and repeated texts; the label goes with the text."""
    source = random.Random(seed)
    classes = [f"class {i}" for i in range(source.randrange(2, 8))]
    shares = [source.random() ** 2 + 0.05 for _ in classes]
    texts, labels = [], []
    while len(texts) < rows:
        label = source.choices(classes, shares)[0]
        text = " ".join(source.choices("abcdefghijklmnopqrstuvwxyz", k=12)) + label
        copies = source.choice([1, 1, 1, 1, 2, 3, 8]) if seed % 2 else 1
        texts += [text + " " * i for i in range(copies)]
        labels += [label] * copies
    return examples_of(texts, labels)


def parts(splits: Splits) -> tuple[Examples, Examples, Examples]:
    return splits.train, splits.validation, splits.test


@pytest.mark.parametrize("seed", range(24))
@pytest.mark.parametrize("rows", [40, 400, 2000])
def test_properties(seed: int, rows: int) -> None:
    examples = made_up(seed, rows)
    splits = split_examples(examples, **{**OPTIONS, "seed": seed})
    numbers = [set(part.rows.tolist()) for part in parts(splits)]
    assert sum(map(len, numbers)) == len(examples)
    assert set.union(*numbers) == set(examples.rows.tolist())
    groups = duplicate_groups(examples.texts, 0.9)
    sides = [{int(groups[row - 1]) for row in part} for part in numbers]
    assert not sides[0] & sides[1] | sides[0] & sides[2] | sides[1] & sides[2]
    classes = Counter(label for _, label in {(int(g), label) for g, label in zip(groups, examples.labels, strict=True)})
    for label, count in classes.items():
        present = [label in part.labels for part in parts(splits)]
        assert present[0]
        assert all(present) or count < 3
    if rows >= 400:
        assert len(splits.test) / len(examples) == pytest.approx(0.2, abs=0.02)
        assert len(splits.validation) / len(examples) == pytest.approx(0.1, abs=0.02)


def test_same_seed_same_parts() -> None:
    examples = made_up(3, 300)
    one, two, other = (split_examples(examples, **{**OPTIONS, "seed": seed}) for seed in (5, 5, 6))
    for a, b in zip(parts(one), parts(two), strict=True):
        assert a.fingerprint() == b.fingerprint()
    assert one.test.fingerprint() != other.test.fingerprint()


def test_classes_keep_their_shares() -> None:
    examples = examples_of([f"text {i} {i * 7919}" for i in range(1000)], ["a"] * 700 + ["b"] * 200 + ["c"] * 100)
    splits = split_examples(examples, **OPTIONS)
    assert Counter(splits.test.labels) == {"a": 140, "b": 40, "c": 20}
    assert Counter(splits.validation.labels) == {"a": 70, "b": 20, "c": 10}


def test_three_rows_a_class_are_enough_for_each_part() -> None:
    examples = examples_of([f"{i * 7919:09d} row" for i in range(60)], [f"class {i % 20}" for i in range(60)])
    for part in parts(split_examples(examples, **OPTIONS)):
        assert len(set(part.labels)) == 20


def test_texts_with_two_labels_stay_together() -> None:
    examples = examples_of([f"text number {i // 2} {i // 2 * 7919}" for i in range(80)], ["a", "b"] * 40)
    splits = split_examples(examples, **OPTIONS)
    assert not set(splits.train.texts) & set(splits.test.texts)
    assert set(splits.train.labels) == {"a", "b"}


def test_few_distinct_texts_are_told() -> None:
    examples = examples_of(["same"] * 10 + [f"other {i * 7919}" for i in range(20)], ["a"] * 10 + ["b"] * 20)
    # `split_given` is what a run calls: it used to leave these notes out.
    for splits in (split_examples(examples, **OPTIONS), split_given(examples, None, None, **OPTIONS)):
        assert any("The test part holds no row of: a" in note for note in splits.notes)
        assert any("9 row(s) repeat another text" in note for note in splits.notes)
    given = examples_of(["quite new", "also new"], ["a", "b"])
    notes = split_given(examples, given, None, **OPTIONS).notes
    assert any("The test part holds no row of: a" in note for note in notes)
    assert not any("The validation part holds no row" in note for note in notes)
    with pytest.raises(DataError, match="No row is left"):
        split_examples(examples_of(["same"] * 20, ["a", "b"] * 10), **OPTIONS)


def test_given_parts_are_kept_and_overlap_is_told() -> None:
    train = made_up(0, 200)
    near = train.texts[1] + "."
    test = examples_of(
        [train.texts[0].upper(), near, "quite another text"], [train.labels[0], train.labels[1], train.labels[0]]
    )
    splits = split_given(train, None, test, **{**OPTIONS, "similarity": 0.7})
    assert splits.test is test
    assert len(splits.train) + len(splits.validation) == 200
    assert len(splits.validation) == pytest.approx(20, abs=4)
    assert any("1 row(s) of the test file also stand in the training file, exactly" in note for note in splits.notes)
    assert any("1 row(s) of the test file also stand in the training file, nearly" in note for note in splits.notes)
    whole = split_given(train, test, test, **OPTIONS)
    assert whole.train is train
    assert any("3 row(s) of the test file also stand in the validation file, exactly" in n for n in whole.notes)
    nothing_given = split_given(train, None, None, **OPTIONS)
    assert nothing_given.test.fingerprint() == split_examples(train, **OPTIONS).test.fingerprint()


@pytest.mark.parametrize("name", ["validation", "test"])
def test_label_unknown_to_the_training_file(name: str) -> None:
    given: dict[str, Examples | None] = {"validation": None, "test": None}
    given[name] = examples_of(["x", "y"], ["class 0", "Class 0"])
    with pytest.raises(DataError) as caught:
        split_given(made_up(0, 100), given["validation"], given["test"], **OPTIONS)
    assert "Class 0" in caught.value.problem
    assert "row 2" in caught.value.where


@pytest.mark.parametrize("limit", [8, 21, 50, 100, 999, 1000, 5000])
def test_row_limit_keeps_shares_and_small_classes(limit: int) -> None:
    examples = examples_of([str(i) for i in range(1000)], ["a"] * 800 + ["b"] * 190 + ["c"] * 10)
    drawn = limit_rows(examples, limit, seed=0)
    assert len(drawn) == min(limit, 1000)
    assert np.all(np.diff(drawn.rows) > 0)
    counts = Counter(drawn.labels)
    assert min(counts.values()) >= min(3, limit // 3)
    if limit >= 100:
        assert counts["a"] / len(drawn) == pytest.approx(0.8, abs=0.04)
    assert drawn.fingerprint() == limit_rows(examples, limit, seed=0).fingerprint()


def test_row_limit_below_the_number_of_classes() -> None:
    assert len(limit_rows(examples_of([str(i) for i in range(40)], [str(i) for i in range(40)]), 8, seed=0)) == 8
