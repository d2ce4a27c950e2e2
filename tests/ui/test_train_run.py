"""The charts of a run that trains."""

from __future__ import annotations

from typing import Any

import pytest

from sft_keras.services.space.runs import Curves
from sft_keras.ui.tabs.train_run import _plots
from sft_keras.ui.texts import catalogue


def metric_chart(epochs: int, in_all: int) -> Any:
    points = tuple({"epoch": float(epoch), "val_macro_f1": 0.5} for epoch in range(1, epochs + 1))
    return _plots(
        Curves(steps=(), epochs=points, metric="val_macro_f1"), catalogue("en"), epochs_in_all=in_all, active=True
    )[2]


@pytest.mark.parametrize(
    ("epochs", "in_all", "marks", "order"),
    [
        (3, 3, ["1", "2", "3"], ["1", "2", "3"]),
        (29, 29, [float(n) for n in range(1, 30)], None),
        (2, 29, [1.0, 2.0], None),  # the kind of the axis stays the same for the whole training
    ],
)
def test_marks_of_epochs_never_lie_upon_each_other(epochs: int, in_all: int, marks: list[Any], order: Any) -> None:
    """A word for each of few epochs; of many, numbers, of which the axis marks some."""
    chart = metric_chart(epochs, in_all)
    assert [row[0] for row in chart.value["data"]] == marks
    assert chart.value["datatypes"]["epoch"] == ("quantitative" if order is None else "nominal")
    assert chart.sort == order
    assert chart.x_lim == (None if order else [1, epochs])
