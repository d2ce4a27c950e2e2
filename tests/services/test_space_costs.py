"""What a training is said to cost, and that saying so costs nothing."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from sft_keras.config import RunConfig
from sft_keras.errors import ConfigError, SftError
from sft_keras.runs import speed
from sft_keras.runs.speed import Speed, Subject, known_speed
from sft_keras.services import Services, Space
from sft_keras.services.space.base import new_key
from sft_keras.services.space.costs import Texts, estimate
from sft_keras.services.space.runs import Estimate
from sft_keras.settings import Settings

SPEED = Speed(6.0, 4.0, 0.1, 0.001, 0.0002, 800.0, 0.5)
TEXTS = Texts(1000, np.array([10.0, 50.0]), np.array([500.0, 500.0]))


def cost(speed: Speed = SPEED, texts: Texts = TEXTS, **settings: object) -> float:
    seconds = estimate(RunConfig.parse(settings), texts, speed).seconds
    assert seconds is not None
    return seconds


def test_the_cost_follows_rows_epochs_lengths_and_weights() -> None:
    one = cost(training={"epochs": 1})
    # 700 rows for training, 30 tokens each and some padding; a tenth of a second for each of 22 steps.
    assert one == pytest.approx(10 + 15 + 2.2 + 700 * 33 * 0.001 + 300 * 33 * 0.0002, rel=0.01)
    assert cost(training={"epochs": 10}) - 25 == pytest.approx(10 * (one - 25), rel=0.15)
    assert cost(training={"epochs": 1}, model={"max_length": 10}) < one
    assert cost(training={"epochs": 1}, data={"max_rows": 100}) < one
    auto = {"terms": [{"name": "supcon", "weight": "auto"}], "weight_grid": [0.1, 1.0]}
    assert cost(training={"epochs": 1}, objective=auto) > 2.5 * (one - 25)
    assert cost(training={"epochs": 3}, model={"trainable": "head"}) < one
    assert cost(Speed(6.0, 4.0, 0.1, 0.001, 0.0002, 800.0, 0.5, length=256), training={"epochs": 1}) > one
    few = Texts(300, np.array([10.0]), np.array([300.0]))  # 210 rows for training, seven updates an epoch
    assert cost(texts=few) == cost(texts=few, training={"epochs": 29})
    assert cost(texts=few) - 25 > 5 * (cost(texts=few, training={"epochs": 3}) - 25)
    many_labels = Texts(300, few.lengths, few.counts, labels=77)
    assert cost(texts=many_labels) == cost(texts=many_labels, training={"epochs": 50})
    empty = Texts(0, np.array([1.0]), np.array([0.0]))
    assert cost(texts=empty) == pytest.approx(25.0)


def test_memory_follows_the_tokens_of_a_batch() -> None:
    told = estimate(RunConfig.parse({"training": {"batch_size": 16}}), TEXTS, SPEED).memory_mib
    assert told == pytest.approx(800 + 16 * 50 * 0.5)
    assert estimate(RunConfig(), TEXTS, Speed(failed="no such thing")) == Estimate(None, None, measuring=False)


@pytest.fixture
def space(tmp_path: Path) -> Space:
    return Services(Settings(data_dir=tmp_path / "data")).space(new_key())


def test_asking_never_waits_and_measures_once(space: Space, labelled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(speed, "start_detached", lambda _, arguments, *__: started.append(arguments))
    dataset = space.add_upload(labelled, "a.csv").id
    settings = {"model": {"backbone": "lstm"}, "training": {"epochs": 3}}
    ends = time.monotonic() + 60
    while not started and time.monotonic() < ends:
        began = time.monotonic()
        assert space.estimate(dataset, settings) == Estimate(None, None, measuring=True)
        assert time.monotonic() - began < 5  # a process with Keras takes longer to start
        time.sleep(0.05)
    for _ in range(3):
        assert space.estimate(dataset, settings).measuring
    assert started == [["lstm", "full", "0"]]
    subject = Subject("lstm", "full")
    speed.keep_speed(space.settings, subject, SPEED)
    assert known_speed(space.settings, subject) == SPEED
    found = space.estimate(dataset, settings)
    assert found.seconds is not None
    assert 25 < found.seconds < 60
    assert not found.measuring
    with pytest.raises(ConfigError):
        space.estimate(dataset, {"training": {"epochs": 0}})
    with pytest.raises(SftError, match="no such dataset"):
        space.estimate("a" * 32, settings)


@pytest.mark.parametrize("content", ["", "[]", '{"x": 1}'])
def test_damaged_measurements_are_made_again(space: Space, content: str) -> None:
    file = speed.speed_file(space.settings)
    file.parent.mkdir(parents=True)
    file.write_text(content, encoding="utf-8")
    assert known_speed(space.settings, Subject("lstm", "full")) is None
    speed.keep_speed(space.settings, Subject("lstm", "full"), SPEED)
    assert known_speed(space.settings, Subject("lstm", "full")) == SPEED


def test_a_few_real_steps_are_measured(tmp_path: Path) -> None:
    from sft_keras.runs.measure import main

    settings = Settings(data_dir=tmp_path)
    main(Subject("lstm", "full"), settings)
    found = known_speed(settings, Subject("lstm", "full"))
    assert found is not None
    assert found.failed == ""
    assert 0 < found.step_seconds + 100 * found.token_seconds < 60
    assert 50 < found.memory_mib < 100_000
    main(Subject("lstm", "head"), settings)
    main(Subject("no-such-backbone", "full"), settings)
    failed = known_speed(settings, Subject("no-such-backbone", "full"))
    assert failed is not None
    assert "no-such-backbone" in failed.failed


def test_rows_of_files_of_their_own_are_not_taken_from_the_training() -> None:
    given = Texts(TEXTS.rows, TEXTS.lengths, TEXTS.counts, given={"validation": 50, "test": 80})
    # All 1,000 rows train, in 32 steps; 130 are predicted.
    told = cost(texts=given, training={"epochs": 1})
    assert told == pytest.approx(25 + 3.2 + 1000 * 33 * 0.001 + 130 * 33 * 0.0002, rel=0.01)


def test_a_failed_measurement_is_tried_again_after_an_hour_only(tmp_path: Path) -> None:
    settings, subject = Settings(data_dir=tmp_path), Subject("lstm", "full")
    speed.keep_speed(settings, subject, Speed(failed="cut off", measured=time.time()))
    assert known_speed(settings, subject) is not None
    speed.keep_speed(settings, subject, Speed(failed="cut off", measured=time.time() - 3700))
    assert known_speed(settings, subject) is None


def test_a_measurement_that_is_under_way_has_not_failed(tmp_path: Path) -> None:
    """Else a page would say that nothing is known, and not ask again."""
    settings, subject = Settings(data_dir=tmp_path), Subject("lstm", "full")
    with speed.measuring_lock(settings):
        speed.keep_speed(settings, subject, Speed(failed=speed.CUT_OFF, measured=time.time()))
        assert known_speed(settings, subject) is None
        speed.keep_speed(settings, subject, Speed(failed="no such thing", measured=time.time()))
        assert known_speed(settings, subject) is not None
    speed.keep_speed(settings, subject, Speed(failed=speed.CUT_OFF, measured=time.time()))
    found = known_speed(settings, subject)
    assert found is not None
    assert found.failed


def test_a_measurement_that_is_killed_is_known_to_have_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sft_keras.runs import measure

    def killed(_: Subject) -> Speed:
        raise SystemExit(137)

    monkeypatch.setattr(measure, "measure", killed)
    settings, subject = Settings(data_dir=tmp_path), Subject("lstm", "full")
    with pytest.raises(SystemExit):
        measure.main(subject, settings)
    found = known_speed(settings, subject)
    assert found is not None
    assert found.failed
