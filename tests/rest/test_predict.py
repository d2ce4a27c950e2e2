"""Predictions for programs: who gets them, what is refused, and how errors are told."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from sft_keras.errors import OverloadedError
from sft_keras.services.space.links import PublicLinks
from tests.services.conftest import SECRET, fake_compare, fake_predict


def post(client, link, body=None, **headers):
    content = json.dumps({"texts": ["好书"]} if body is None else body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(f"/api/v1/models/{link}/predict", content=content, headers=named)


def test_predictions(client, link):
    answer = post(client, link, {"texts": ["a", "b"], "probabilities": True})
    assert answer.status_code == 200
    expected = {"label": "好", "confidence": 0.75, "probabilities": {"好": 0.75, "坏": 0.25}}
    assert answer.json() == {"model": link, "predictions": [expected] * 2}
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers
    assert "set-cookie" not in answer.headers
    assert "probabilities" not in post(client, link).json()["predictions"][0]


def test_the_model(client, link):
    told = client.get(f"/api/v1/models/{link}").json()
    assert (told["title"], told["labels"], told["needs_password"]) == ("我的模型", ["好", "坏"], False)
    assert "/srv" not in told["card"]


@pytest.mark.parametrize("link", ["x", "%2e%2e", "%2e%2e%2f%2e%2e%2fsecret.key", "a%00b", "x" * 5000, "0" * 32])
def test_unknown_links_and_paths(client, link):
    for answer in (post(client, link), client.get(f"/api/v1/models/{link}")):
        assert answer.status_code == 404
        assert set(answer.json()["error"]) == {"problem", "where", "fix"}


def test_addresses_that_do_not_exist_do_not_reach_the_app(client):
    for answer in (
        client.get("/api/v1/nothing"),
        client.put("/api/v1/models/x"),
        client.get("/api/v1/models/x/predict"),
    ):
        assert answer.status_code == 404
        assert "error" in answer.json()
    assert client.get("/other").json() == "the app's own page"


@pytest.mark.parametrize(
    ("body", "status", "where"),
    [
        (b"", 400, "body"),
        (b"{", 400, "body"),
        (b"[]", 400, "body"),
        (b'"text"', 400, "body"),
        (b"[" * 60_000, 400, "body"),
        (b"\xff\xfe", 400, "body"),
        (b"{}", 422, "texts"),
        (b'{"texts": "text"}', 422, "texts"),
        (b'{"texts": [1]}', 422, "texts"),
        (b'{"texts": [null]}', 422, "texts"),
        (b'{"texts": []}', 422, "texts"),
        (b'{"texts": {"a": 1}}', 422, "texts"),
        (b'{"texts": ["a"], "probabilities": 1}', 422, "probabilities"),
        (b'{"texts": ["a"], "probabilities": NaN}', 422, "probabilities"),
        (b'{"texts": ["a"], "text": "b"}', 422, "body"),
        (b'{"texts": ["a", "b", "c", "d"]}', 413, "texts"),
        (json.dumps({"texts": ["x" * 101]}).encode(), 413, "texts"),
        (b'{"texts": ["' + b"x" * 200_000 + b'"]}', 413, "body"),
    ],
)
def test_bodies_that_are_refused(client, link, body, status, where):
    answer = client.post(f"/api/v1/models/{link}/predict", content=body)
    assert answer.status_code == status
    assert answer.json()["error"]["where"] == where


@pytest.mark.parametrize("text", ["", "\x00", "\ud800", "<script>alert(1)</script>", "👍" * 50, "\u202e"])
def test_odd_texts_are_answered(client, link, text):
    assert post(client, link, {"texts": [text]}).status_code == 200


def test_a_body_without_a_length_is_not_read_to_its_end(client, link):
    sent = []

    def stream():
        for _ in range(10_000):
            sent.append(1)
            yield b"x" * 10_000

    answer = client.post(f"/api/v1/models/{link}/predict", content=stream())
    assert answer.status_code == 413


def test_a_false_length_helps_nobody(client, link):
    answer = client.post(f"/api/v1/models/{link}/predict", content=b"{}", headers={"content-length": "9" * 30})
    assert answer.status_code == 413


def test_keys(client, owner, run, link):
    key = owner.new_api_key(run, "shop")
    refused = post(client, link)
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert post(client, link, Authorization="Bearer sft_wrong").status_code == 401
    assert post(client, link, Authorization=f"Basic {key}").status_code == 401
    assert post(client, link, Authorization=f"Bearer {key}").status_code == 200
    assert post(client, link, X_API_Key=key).status_code == 200
    assert client.get(f"/api/v1/models/{link}").json()["needs_key"]


def test_passwords(client, owner, run, link):
    owner.change_link(run, {"password": "密码1234"})
    assert post(client, link).status_code == 401
    assert post(client, link, X_Model_Password="wrong").status_code == 401
    right = {"X-Model-Password": "密码1234".encode()}
    address = f"/api/v1/models/{link}/predict"
    assert client.post(address, content='{"texts": ["a"]}', headers=right).status_code == 200
    told = client.get(f"/api/v1/models/{link}").json()
    assert told["needs_password"]
    assert "好" not in str(told)
    assert client.get(f"/api/v1/models/{link}", headers=right).json()["labels"] == ["好", "坏"]
    answers = [post(client, link, X_Model_Password=f"guess{i}") for i in range(12)]
    assert answers[-1].status_code == 429
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60


def test_every_state_of_a_link(client, services, owner, run, link):
    owner.change_link(run, {"enabled": False})
    assert post(client, link).status_code == 403
    past = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    owner.change_link(run, {"enabled": True, "expires": past})
    assert post(client, link).status_code == 410
    owner.change_link(run, {"expires": None, "requests_per_minute": 1})
    assert [post(client, link).status_code for _ in range(2)] == [200, 429]
    owner.unpublish(run)
    assert post(client, link).status_code == 404


def test_a_busy_machine_and_a_bug(client, services, link, caplog):
    def busy(*_args):
        raise OverloadedError("Too many wait.", fix="Later.")

    def bug(*_args):
        raise RuntimeError("/srv/secret/path")

    services.__dict__["links"] = PublicLinks(services, busy, fake_compare)
    answer = post(client, link)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    services.__dict__["links"] = PublicLinks(services, bug, fake_compare)
    answer = post(client, link)
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "secret" in caplog.text


def test_browsers_of_other_pages_may_ask(client, link):
    asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    answer = client.options(f"/api/v1/models/{link}/predict", headers=asked)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "X-API-Key" in answer.headers["access-control-allow-headers"]
    assert post(client, "0" * 32).headers["access-control-allow-origin"] == "*"


def test_health(client):
    assert client.get("/healthz").json()["status"] == "ok"


def test_training_examples_only_where_the_owner_shares_them(client, owner, run, link):
    assert "examples" not in post(client, link).json()["predictions"][0]
    refused = post(client, link, {"texts": ["a"], "examples": True})
    assert (refused.status_code, refused.json()["error"]["where"]) == (403, "examples")
    assert SECRET not in refused.text
    owner.change_link(run, {"share_examples": True})
    assert client.get(f"/api/v1/models/{link}").json()["shows_examples"]
    (told,) = post(client, link, {"texts": ["a"], "examples": True}).json()["predictions"]
    assert told["examples"] == [{"label": "坏", "similarity": 0.987654, "text": SECRET, "times": 2}]
    assert post(client, link, {"texts": [" "], "examples": True}).json()["predictions"][0]["examples"] == []
    assert SECRET not in post(client, link).text  # who does not ask is told none
    owner.change_link(run, {"password": "密码1234"})
    assert post(client, link, {"texts": ["a"], "examples": True}).status_code == 401
    assert not client.get(f"/api/v1/models/{link}").json()["shows_examples"]
    owner.change_link(run, {"password": "", "share_examples": False})
    assert post(client, link, {"texts": ["a"], "examples": True}).status_code == 403
    assert post(client, link, {"texts": ["a"], "examples": "yes"}).status_code == 422


def test_an_owner_who_stops_sharing_while_it_is_predicted_is_heard(client, services, owner, run, link):
    def slow(bundle, texts):
        owner.change_link(run, {"share_examples": False})
        return fake_predict(bundle, texts)

    services.__dict__["links"] = PublicLinks(services, slow, fake_compare)
    owner.change_link(run, {"share_examples": True})
    refused = post(client, link, {"texts": ["a"], "examples": True})
    assert refused.status_code == 403
    assert SECRET not in refused.text


def test_a_request_with_examples_counts_once_for_each_text(client, owner, run, link):
    owner.change_link(run, {"share_examples": True, "requests_per_minute": 2})
    refused = post(client, link, {"texts": ["a"] * 3, "examples": True})
    assert (refused.status_code, "at most 2 texts" in refused.json()["error"]["problem"]) == (413, True)
    assert post(client, link, {"texts": ["a"] * 2, "examples": True}).status_code == 200
    assert post(client, link, {"texts": ["a"], "examples": True}).status_code == 429
