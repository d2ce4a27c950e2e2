"""Downloads: only with a ticket, only of an owner's files, and never shown by the browser."""

from __future__ import annotations

import itsdangerous
import pytest

from sft_keras.errors import LinkError
from sft_keras.services.tickets import Tickets


@pytest.fixture
def file(owner, run):
    path = owner.folder / "runs" / run / "bundle-1.zip"
    path.write_bytes(b"PK content")
    return path


def test_a_file_is_sent_to_whoever_has_the_ticket(client, services, file):
    answer = client.get(f"/api/v1/downloads/{services.tickets.make(file, '我的 模型.zip')}")
    assert (answer.status_code, answer.content) == (200, b"PK content")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"].startswith("attachment; filename*=")
    assert "%E6%88%91" in answer.headers["content-disposition"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "no-store" in answer.headers["cache-control"]
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    ("name", "media"),
    [
        ("a.html", "text/html; charset=utf-8"),
        ("a.csv", "text/csv; charset=utf-8"),
        ("a.onnx", "application/octet-stream"),
        ("a.exe", "application/octet-stream"),
        ("noending", "application/octet-stream"),
    ],
)
def test_content_types(client, services, file, name, media):
    answer = client.get(f"/api/v1/downloads/{services.tickets.make(file, name)}")
    assert answer.headers["content-type"] == media
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert "sandbox" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "name", ['a"; filename="b.exe', "a\r\nSet-Cookie: x=1", "../../x.zip", "\ud800", "", "x" * 999]
)
def test_names_cannot_break_the_header(client, services, file, name):
    answer = client.get(f"/api/v1/downloads/{services.tickets.make(file, name)}")
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert ".." not in answer.headers["content-disposition"]
    assert answer.headers["content-disposition"].count(";") == 1


def test_a_ticket_expires(client, services, file, monkeypatch):
    import time

    ticket = services.tickets.make(file, "a.zip")
    now = time.time()
    monkeypatch.setattr(itsdangerous.timed.time, "time", lambda: now + 599)
    assert client.get(f"/api/v1/downloads/{ticket}").status_code == 200
    monkeypatch.setattr(itsdangerous.timed.time, "time", lambda: now + 602)
    answer = client.get(f"/api/v1/downloads/{ticket}")
    assert (answer.status_code, "error" in answer.json()) == (410, True)


def test_forged_tickets(client, services, file):
    ticket = services.tickets.make(file, "a.zip")
    payload, _, rest = ticket.partition(".")
    other = Tickets(services.settings, "another secret of another installation").make(file, "a.zip")
    sorted_out = itsdangerous.URLSafeTimedSerializer(services.secret, salt="other").dumps(["owners/x", "a"])
    for wrong in (ticket[:-2] + "xx", f"{payload}x.{rest}", other, sorted_out, "x", "%2e%2e", "x" * 9000, "a%00"):
        assert client.get(f"/api/v1/downloads/{wrong}").status_code == 403, wrong[:40]


def test_only_files_of_owners_may_leave(client, services, file, tmp_path):
    secret = services.settings.data_dir / "secret.key"
    assert services.secret
    link = file.parent / "link.zip"
    link.symlink_to(secret)
    outside = tmp_path / "outside.txt"
    outside.write_text("x")
    for path in (secret, outside, link, file.parent / "../../../../secret.key"):
        with pytest.raises(LinkError):
            services.tickets.make(path, "a.zip")
    # A ticket of an older version, which was signed rightly.
    signer = itsdangerous.URLSafeTimedSerializer(services.secret, salt="download")
    for place in ("secret.key", "../outside.txt", "owners/../secret.key", str(secret)):
        assert client.get(f"/api/v1/downloads/{signer.dumps([place, 'a'])}").status_code == 403
    for odd in ({}, [], ["a"], 5, None, ["a", "b", "c"]):
        assert client.get(f"/api/v1/downloads/{signer.dumps(odd)}").status_code == 403


def test_a_file_that_is_gone(client, services, file):
    ticket = services.tickets.make(file, "a.zip")
    file.unlink()
    assert client.get(f"/api/v1/downloads/{ticket}").status_code == 404
    assert client.get(f"/api/v1/downloads/{services.tickets.make(file.parent, 'a')}").status_code == 404


def test_a_ticket_does_not_tell_the_owner_key(services, owner, file):
    import base64

    payload = services.tickets.make(file, "a.zip").split(".")[0]
    told = base64.urlsafe_b64decode(payload + "==")
    assert str(services.settings.data_dir).encode() not in told
