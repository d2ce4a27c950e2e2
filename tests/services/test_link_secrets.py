"""Passwords and keys of links: who is let in, what is kept of secrets, and how fast one may guess."""

from __future__ import annotations

import pytest

from sft_keras.errors import ConfigError, LinkError
from sft_keras.spaces.passwords import Passwords, hash_password, is_hash, key_fits
from tests.services.conftest import status


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
