"""Work of a page: its progress, its failure, and its end."""

from __future__ import annotations

import itertools
import threading

import pytest

from sft_keras.ui.components.work import Work


def test_work_tells_its_progress_and_raises_its_failure():
    def slow(told):
        for i in range(3):
            told(i, 3)
        return "done"

    work: Work[str] = Work(slow)
    assert list(work.progress())[-1] == (2, 3)
    assert work.result() == "done"

    def fails(_told):
        raise ValueError("no")

    broken: Work[str] = Work(fails)
    assert set(broken.progress()) <= {(0, 0)}
    with pytest.raises(ValueError, match="no"):
        broken.result()


def test_work_ends_when_its_page_is_closed():
    told_on, ended = threading.Event(), threading.Event()

    def endless(told):
        try:
            for i in itertools.count():
                told(i, 10)
                told_on.wait(0.01)
        finally:
            ended.set()

    def handler():
        for done, _ in Work(endless).progress():
            yield done

    page = handler()
    assert next(page) == 0
    page.close()
    assert ended.wait(5)
