"""The control run is the same training without the term, and what is said of λ follows from the figures."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from sft_keras.config import RunConfig
from sft_keras.diagnostics.base import NotApplicable
from sft_keras.diagnostics.catalogue import catalogue
from sft_keras.diagnostics.parts.lambda_effect import examine, present
from tests.conftest import merged

WITH_TERM = {"model": {"backbone": "lstm"}, "objective": {"terms": [{"name": "supcon", "weight": 0.5}]}}


def test_the_control_is_the_same_training_without_the_term(train_run):
    controlled = train_run(merged(WITH_TERM, {"evaluation": {"control_run": True}}))
    plain = train_run({"model": {"backbone": "lstm"}})
    control = controlled.report["control"]
    assert control["without"]["accuracy"] == plain.report["metrics"]["accuracy"]["value"]
    assert control["with_terms"]["accuracy"] == controlled.report["metrics"]["accuracy"]["value"]
    assert control["value"] == pytest.approx(control["with_terms"]["accuracy"] - control["without"]["accuracy"])
    assert control["terms"] == [{"name": "supcon", "weight": 0.5}]
    assert not controlled.run.checkpoints.exists()


def test_a_stop_during_the_control_keeps_the_run(train_run):
    phases = []

    class Sink:
        def event(self, kind, **values):
            if kind == "phase":
                phases.append(values["name"])

    settings = merged(WITH_TERM, {"evaluation": {"control_run": True}})
    stopped = train_run(settings, sink=Sink(), should_stop=lambda: "control" in phases and phases[-1] == "control")
    assert stopped.complete
    assert stopped.report["control"] is None
    assert stopped.has_bundle


def test_without_a_term_there_is_no_control(train_run):
    result = train_run({"model": {"backbone": "lstm"}, "training": {"epochs": 1}, "evaluation": {"control_run": True}})
    assert result.report["control"] is None


def control(outcome: str, value: float) -> dict:
    figures = {"accuracy": 0.9, "balanced_accuracy": 0.9, "macro_f1": 0.9}
    bounds = {"value": value, "low": value - 0.01, "high": value + 0.01}
    return {"with_terms": figures, "without": figures, "outcome": outcome, "p_value": 0.01, **bounds}


@pytest.mark.parametrize("language", catalogue.languages)
@pytest.mark.parametrize(
    ("outcome", "value", "points"),
    [("better", 0.03, "3.0"), ("worse", -0.02, "2.0"), ("unclear", 0.001, "0.1"), ("few", 0.0, "")],
)
def test_it_says_what_the_control_says(language, outcome, value, points):
    config = RunConfig.parse({"objective": WITH_TERM["objective"]})
    facts = examine(SimpleNamespace(report={"control": control(outcome, value), "history": []}, config=config))
    first = present(facts, catalogue(language))[0]
    assert points in first.text
    assert "supcon" in first.text
    assert first.kind == {"better": "good", "worse": "warn"}.get(outcome, "say")


def test_a_plain_run_has_nothing_to_say_of():
    with pytest.raises(NotApplicable):
        examine(SimpleNamespace(report={}, config=RunConfig()))


def test_a_term_without_a_control_is_not_praised():
    config = RunConfig.parse({"objective": WITH_TERM["objective"]})
    facts = examine(SimpleNamespace(report={}, config=config))
    assert present(facts, catalogue("en"))[0].kind == "warn"
