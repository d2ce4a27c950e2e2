"""The settings of a link: what a person changed is saved, and nothing else that the form happens to show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sft_keras.errors import ConfigError
from sft_keras.services import Services, Space
from sft_keras.services.space.base import new_key
from sft_keras.services.space.links import LinkView
from sft_keras.settings import Settings
from sft_keras.ui.app import build_ui
from sft_keras.ui.tabs.share import changes_of
from sft_keras.ui.texts import catalogue
from tests.services.conftest import fake_run

EN = catalogue("en")
Save = Callable[..., Any]


@pytest.fixture
def studio(tmp_path: Path) -> tuple[Space, Save]:
    """An owner, and what the button Save does: given the run, what the form was filled with, and what was changed."""
    services, key = Services(Settings(data_dir=tmp_path / "data")), new_key()
    (save,) = (each.fn for each in build_ui(services).fns.values() if each.name == "do_save")

    def pressed(run: str, before: LinkView | None, *, shown: LinkView, word: str = "", **changes: Any) -> str:
        now = replace(shown, **changes)
        form = (now.enabled, now.title, now.share_examples, (now.expires or "")[:10], now.requests_per_minute, word)
        answer = save(key, run, before, *form, None)
        return next(str(value) for part, value in answer.items() if part.elem_id == "share-saved")

    return services.space(key), pressed


def test_what_was_switched_off_elsewhere_stays_so(studio: tuple[Space, Save]) -> None:
    owner, save = studio
    run = fake_run(owner)
    owner.publish(run)
    future = (datetime.now(UTC) + timedelta(days=9)).isoformat(timespec="seconds")
    filled = owner.change_link(run, {"share_examples": True, "enabled": True})
    owner.change_link(run, {"share_examples": False, "enabled": False, "requests_per_minute": 7, "expires": future})
    assert EN("share.saved") in save(run, filled, shown=filled, title="another name")
    link = owner.link(run)
    assert link is not None
    assert (link.title, link.share_examples, link.enabled, link.requests_per_minute, link.expires) == (
        "another name",
        False,
        False,
        7,
        future,
    )


def test_a_form_of_another_link_is_not_saved_and_is_filled_anew(studio: tuple[Space, Save]) -> None:
    owner, save = studio
    first, second = fake_run(owner, "first"), fake_run(owner, "second")
    filled, other = owner.publish(first), owner.publish(second)
    for before in (None, filled):
        assert EN("share.outdated") in save(second, before, shown=filled, share_examples=True, title="x")
        assert owner.link(second) == other
    owner.unpublish(first)
    made_anew = owner.publish(first)
    assert EN("share.outdated") in save(first, filled, shown=filled, share_examples=True)
    assert owner.link(first) == made_anew


def test_what_a_person_changes_is_saved(studio: tuple[Space, Save]) -> None:
    owner, save = studio
    run = fake_run(owner)
    filled = owner.publish(run)
    assert EN("share.saved") in save(run, filled, shown=filled)
    assert owner.link(run) == filled
    changes = {"title": "new", "share_examples": True, "requests_per_minute": 5, "enabled": False}
    save(run, filled, shown=filled, word="geheim", expires="2090-12-31", **changes)
    link = owner.link(run)
    assert link == replace(filled, has_password=True, expires="2090-12-31T23:59:59+00:00", **changes)


def test_a_last_day_that_has_passed_may_stay_and_may_be_taken_away(studio: tuple[Space, Save]) -> None:
    owner, _ = studio
    run = fake_run(owner)
    owner.publish(run)
    filled = owner.change_link(run, {"expires": "2020-01-01T00:00:00+00:00"})
    form = {"title": filled.title}
    assert changes_of(filled, form, " 2020-01-01 ", "", EN) == {}
    assert changes_of(filled, form, "", "word", EN) == {"expires": None, "password": "word"}
    with pytest.raises(ConfigError):
        changes_of(filled, form, "2020-01-02", "", EN)
