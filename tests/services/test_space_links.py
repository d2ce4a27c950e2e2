"""Links: who gets an answer, what can be changed, and what is counted."""

from __future__ import annotations

import json
import shutil
import threading
from datetime import UTC, datetime, timedelta

import pytest

from sft_keras.errors import ArtifactError, ConfigError, LinkError, OverloadedError
from sft_keras.services.space.base import new_key
from sft_keras.services.space.links import PublicLinks
from sft_keras.spaces.cards import public_card
from tests.services.conftest import CARD, fake_compare, fake_run, status, with_fake_models


def test_a_link_is_made_once_and_answers(linked, owner, run):
    assert owner.link(run) is None
    view = owner.publish(run)
    assert (view.title, view.enabled, view.has_password, view.uses, view.api_keys) == ("我的模型", True, False, 0, ())
    assert owner.publish(run, title="another") == view
    assert owner.link(run) == view
    model = linked.links.model(view.id)
    assert (model.title, model.labels, model.needs_password) == ("我的模型", ("好", "坏"), False)
    assert [p.label for p in linked.links.predict(view.id, ["a", "b"])] == ["好", "好"]


def test_a_run_without_a_model_cannot_be_shared(owner, run):
    (owner.folder / "runs" / run / "bundle" / "manifest.json").unlink()
    with pytest.raises(ArtifactError, match="no model"):
        owner.publish(run)


@pytest.mark.parametrize("link", ["", "x", "../" * 5, "0" * 32, "a\x00b", "%2e%2e", "x" * 10_000, "链接"])
def test_an_unknown_link_is_not_found(linked, link):
    assert status(linked.links, link, ["a"]) == 404
    with pytest.raises(LinkError):
        linked.links.model(link)


def test_the_index_and_the_links_mean_the_same_file():
    from sft_keras.runs import store
    from sft_keras.spaces import links

    assert links.LINK == store.LINK


def test_the_run_id_is_not_the_link(linked, owner, run):
    owner.publish(run)
    assert status(linked.links, run, ["a"]) == 404


def test_switched_off_expired_and_removed(linked, owner, run):
    link = owner.publish(run).id
    owner.change_link(run, {"enabled": False})
    assert status(linked.links, link, ["a"]) == 403
    past, future = (datetime.now(UTC) + timedelta(hours=hours) for hours in (-1, 1))
    owner.change_link(run, {"enabled": True, "expires": past.isoformat()})
    assert status(linked.links, link, ["a"]) == 410
    owner.change_link(run, {"expires": future.replace(tzinfo=None).isoformat()})
    assert status(linked.links, link, ["a"]) == 200
    owner.change_link(run, {"expires": None})
    owner.unpublish(run)
    assert status(linked.links, link, ["a"]) == 404
    assert owner.link(run) is None
    again = owner.publish(run).id
    assert again != link
    assert status(linked.links, link, ["a"]) == 404


def test_a_deleted_run_takes_its_link_along(linked, owner, run):
    link = owner.publish(run).id
    shutil.rmtree(owner.folder / "runs" / run)
    assert status(linked.links, link, ["a"]) == 404


def test_requests_a_minute(linked, owner, run):
    link = owner.publish(run).id
    owner.change_link(run, {"requests_per_minute": 2})
    assert [status(linked.links, link, ["a"]) for _ in range(4)] == [200, 200, 429, 429]
    with pytest.raises(LinkError) as error:
        linked.links.predict(link, ["a"])
    assert 1 <= error.value.retry_after <= 60
    other = fake_run(owner)
    assert status(linked.links, owner.publish(other).id, ["a"]) == 200


@pytest.mark.parametrize(
    ("texts", "expected"),
    [([], 422), ("text", 422), ([1], 422), (["a"] * 4, 413), (["x" * 101], 413), (["", "  "], 200), (["x" * 100], 200)],
)
def test_the_size_of_a_request(linked, owner, run, texts, expected):
    assert status(linked.links, owner.publish(run).id, texts) == expected


def test_a_busy_machine_says_so(linked, owner, run):
    def busy(*_args: object) -> None:
        raise OverloadedError("Too much.", fix="Later.")

    assert status(PublicLinks(linked, busy, fake_compare), owner.publish(run).id, ["a"]) == 503


def test_uses_are_counted_without_a_write_for_each(linked, owner, run):
    link = owner.publish(run).id
    file = owner.folder / "runs" / run / "link.json"
    before = file.read_bytes()
    threads = [threading.Thread(target=linked.links.predict, args=(link, ["a", "b"])) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert file.read_bytes() == before
    assert owner.link(run).uses == 20
    owner.change_link(run, {"title": "changed meanwhile"})
    linked.uses.flush()
    linked.uses.flush()
    assert json.loads(file.read_text())["uses"] == 20
    again = with_fake_models(linked.settings)
    assert again.links.model(link).title == "changed meanwhile"
    again.links.predict(link, ["a"])
    again.uses.flush()
    assert owner.link(run).uses == 21
    linked.links.predict(link, ["a"])
    owner.unpublish(run)
    new = owner.publish(run)
    linked.uses.flush()
    assert owner.link(run) == new


def test_uses_are_written_down_when_the_program_ends(linked, owner, run):
    import subprocess
    import sys

    program = f"""
from pathlib import Path
from sft_keras.settings import Settings
from tests.services.conftest import with_fake_models
services = with_fake_models(Settings(data_dir=Path({str(linked.settings.data_dir)!r})))
services.links.predict({owner.publish(run).id!r}, ["a", "b"])
"""
    subprocess.run([sys.executable, "-c", program], check=True)
    assert owner.link(run).uses == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"enabled": 1},
        {"enabled": "yes"},
        {"requests_per_minute": 0},
        {"requests_per_minute": True},
        {"requests_per_minute": 10**9},
        {"requests_per_minute": "60"},
        {"password": "abc"},
        {"password": "x" * 201},
        {"password": None},
        {"expires": "tomorrow"},
        {"expires": 5},
        {"title": None},
        {"share_examples": 1},
        {"share_examples": "yes"},
        {"uses": 0},
        {"id": "x"},
        {"keys": {}},
    ],
)
def test_changes_that_are_refused_change_nothing(owner, run, changes):
    view = owner.publish(run)
    with pytest.raises(ConfigError):
        owner.change_link(run, {"title": "new", **changes})
    assert owner.link(run) == view


def test_a_title_is_one_short_line(owner, run):
    owner.publish(run)
    assert owner.change_link(run, {"title": "a\nb\x1b[31m" + "x" * 500}).title.startswith("a b [31mx")
    assert len(owner.link(run).title) == 120
    assert owner.change_link(run, {"title": "   "}).title == "A text classifier"


def test_another_owner_cannot_touch_it(linked, owner, run):
    owner.publish(run)
    other = linked.space(new_key())
    for use in (
        other.publish,
        other.link,
        other.unpublish,
        lambda run: other.change_link(run, {"share_examples": True}),
        lambda run: other.similar_examples(run, "a"),
    ):
        with pytest.raises(ArtifactError, match="no such run"):
            use(run)


def test_the_index_may_be_deleted(linked, owner, run):
    link = owner.publish(run).id
    for path in linked.settings.data_dir.glob("index.sqlite*"):
        path.unlink()
    assert status(with_fake_models(linked.settings).links, link, ["a"]) == 200


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"id": 5}',
        '{"id": "x", "title": "", "created": "", "expires": 5}',
        '{"id": "x", "title": "", "created": "", "keys": []}',
    ],
)
def test_a_damaged_link_is_no_link(linked, owner, run, content):
    link = owner.publish(run).id
    (owner.folder / "runs" / run / "link.json").write_text(content)
    assert status(linked.links, link, ["a"]) == 404
    assert owner.link(run) is None


def test_the_card_for_visitors_holds_nothing_private():
    card = public_card(CARD, {"minilm"})
    for private in ("/srv", "secret", "fingerprint", "0123", "config.yaml", "sft-keras predict"):
        assert private not in card
    for public in ("# A text classifier", "`好`", "| accuracy | 0.900 |", "cross_entropy", "keep in mind"):
        assert public in card
    assert "minilm" in public_card(CARD.replace("/srv/somebody/secret/model", "minilm"), {"minilm"})
