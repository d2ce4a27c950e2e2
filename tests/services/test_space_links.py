"""Links: who gets an answer, what is kept of secrets, and what is counted."""

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
from sft_keras.spaces.passwords import Passwords, hash_password, is_hash, key_fits
from tests.services.conftest import CARD, fake_compare, fake_run, with_fake_models


def status(links: PublicLinks, *args: object, **options: object) -> int:
    """200, or the status of the refusal."""
    try:
        links.predict(*args, **options)
    except LinkError as error:
        return error.status
    return 200


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


def test_a_password_is_asked_for_and_not_kept(linked, owner, run):
    link = owner.publish(run).id
    assert owner.change_link(run, {"password": "geheim-密码"}).has_password
    kept = (owner.folder / "runs" / run / "link.json").read_text()
    assert "geheim" not in kept
    assert "$argon2id$" in kept
    assert (owner.folder / "runs" / run / "link.json").stat().st_mode & 0o077 == 0
    assert status(linked.links, link, ["a"]) == 401
    assert status(linked.links, link, ["a"], password="wrong") == 401
    assert status(linked.links, link, ["a"], password="x" * 10_000) == 401
    for _ in range(2):
        assert status(linked.links, link, ["a"], password="geheim-密码") == 200
    owner.change_link(run, {"password": "another one"})
    assert status(linked.links, link, ["a"], password="geheim-密码") == 401
    owner.change_link(run, {"password": ""})
    assert status(linked.links, link, ["a"]) == 200


def test_a_locked_link_tells_no_more_than_its_name(linked, owner, run):
    link = owner.publish(run).id
    key = owner.new_api_key(run, "shop")
    owner.change_link(run, {"password": "correct"})
    model = linked.links.model(link)
    assert (model.title, model.needs_password, model.needs_key) == ("我的模型", True, True)
    assert (model.labels, model.card) == ((), "")
    for given in ({"password": "correct"}, {"key": key}, {"key": key, "password": "wrong"}):
        assert linked.links.model(link, **given).labels == ("好", "坏")
        assert linked.links.model(link, **given).card
    for wrong in ({"password": "wrong"}, {"key": "sft_wrong"}, {"key": "sft_wrong", "password": "correct"}):
        with pytest.raises(LinkError) as error:
            linked.links.model(link, **wrong)
        assert error.value.status == 401


def test_who_guesses_is_slowed_down_and_others_are_not(linked, owner, run):
    link = owner.publish(run).id
    owner.change_link(run, {"password": "correct"})
    answers = [status(linked.links, link, ["a"], password=f"wrong{i}", client="1.2.3.4") for i in range(12)]
    assert answers == [401] * 10 + [429] * 2
    assert status(linked.links, link, ["a"], password="correct", client="1.2.3.4") == 429
    assert status(linked.links, link, ["a"], password="correct", client="5.6.7.8") == 200


def test_a_key_is_not_kept_out_by_those_who_guess(linked, owner, run):
    link, key = owner.publish(run).id, owner.new_api_key(run, "shop")
    answers = [status(linked.links, link, ["a"], program=True, key=f"sft_{i}", client="1.2.3.4") for i in range(12)]
    assert answers == [401] * 10 + [429] * 2
    for client in ("1.2.3.4", "5.6.7.8"):
        assert status(linked.links, link, ["a"], program=True, key=key, client=client) == 200


def test_who_was_let_in_is_not_kept_out_by_those_who_guess_elsewhere(linked, owner, run):
    link = owner.publish(run).id
    owner.change_link(run, {"password": "correct", "requests_per_minute": 1000})
    assert status(linked.links, link, ["a"], password="correct", client="inside") == 200
    for i in range(100):  # no hash is computed of what is too long
        assert status(linked.links, link, ["a"], password="x" * 300, client=f"10.0.0.{i}") == 401
    assert status(linked.links, link, ["a"], password="correct", client="inside") == 200
    # That the password is known must not make guesses free for others.
    assert status(linked.links, link, ["a"], password="correct", client="outside") == 429
    assert status(linked.links, link, ["a"], password="wrong", client="inside") == 429


def test_programs_need_a_key_where_there_are_keys(linked, owner, run):
    link = owner.publish(run).id
    assert status(linked.links, link, ["a"], program=True) == 200
    key = owner.new_api_key(run, "shop")
    assert owner.link(run).api_keys == ("shop",)
    assert key not in (owner.folder / "runs" / run / "link.json").read_text()
    assert status(linked.links, link, ["a"], program=True) == 401
    assert status(linked.links, link, ["a"], program=True, key="sft_wrong") == 401
    assert status(linked.links, link, ["a"], program=True, key=key) == 200
    assert status(linked.links, link, ["a"]) == 200  # the page needs none
    owner.change_link(run, {"password": "correct"})
    assert status(linked.links, link, ["a"], program=True, password="correct") == 401
    assert status(linked.links, link, ["a"], program=True, key=key) == 200
    with pytest.raises(ConfigError, match="name of its own"):
        owner.new_api_key(run, "shop")
    owner.remove_api_key(run, "shop")
    assert status(linked.links, link, ["a"], program=True, key=key) == 401
    with pytest.raises(ConfigError, match="no key"):
        owner.remove_api_key(run, "shop")


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


def test_passwords_and_keys_are_compared_in_constant_time(monkeypatch):
    import hmac

    compared = []
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: compared.append((a, b)) or a == b)
    assert not key_fits(["0" * 64, "1" * 64, "2" * 64], "sft_x")
    assert len(compared) == 3
    assert is_hash(hash_password("a"))
    assert not is_hash("$argon2 nonsense")
    passwords = Passwords()
    assert not passwords.fits(None, "")
    assert not passwords.fits("nonsense", "a")
    assert passwords.fits(hash_password("密"), "密")
