"""Answers are remembered, and worked out once even if two ask together."""

from __future__ import annotations

import threading
import time

import pytest

from sft_keras.services.memory import MOST, Memory, shared


def together(work):
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_two_who_ask_together_wait_for_one_answer():
    made = []

    def make():
        time.sleep(0.05)
        made.append(1)
        return "answer"

    memory = Memory()
    together(lambda: memory.get("question", make))
    assert made == [1]


def test_a_failure_is_not_remembered():
    memory = Memory()
    with pytest.raises(ZeroDivisionError):
        memory.get("question", lambda: 1 / 0)
    assert memory.get("question", lambda: 5) == 5


def test_old_answers_go():
    memory = Memory()
    for i in range(MOST + 1):
        memory.get(i, lambda: "old")
    assert memory.get(0, lambda: "new") == "new"
    assert memory.get(MOST, lambda: "new") == "old"


def test_a_shared_attribute_is_made_once_for_each_object():
    made = []

    class Thing:
        @shared
        def part(self) -> object:
            """A part."""
            time.sleep(0.05)
            made.append(1)
            return object()

    thing = Thing()
    together(lambda: thing.part)
    assert made == [1]
    assert thing.part is thing.part
    assert Thing().part is not thing.part
    assert Thing.part.__doc__ == "A part."
