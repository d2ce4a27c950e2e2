"""Training examples behind a link: who sees them, and how many are looked up."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest

from sft_keras.errors import ArtifactError, ConfigError, LinkError, OverloadedError
from sft_keras.services import Services
from sft_keras.services.space.links import PublicLinks
from sft_keras.settings import Settings
from tests.services.conftest import SECRET, fake_compare, fake_predict, fake_run, with_fake_models


def compared(links: PublicLinks, *args: object, **options: object) -> int:
    """200 and a row of the data, or the status of the refusal, which holds none."""
    try:
        found = links.examples(*args, **options)
    except LinkError as error:
        return 0 if SECRET in str(vars(error)) else error.status
    return 200 if [each.text for each in found[0].found] == [SECRET] else 0


def test_visitors_see_no_training_example_unless_the_owner_says_so(linked, owner, run):
    link = owner.publish(run).id
    assert not owner.link(run).share_examples
    assert not linked.links.model(link).shows_examples
    assert compared(linked.links, link, ["a"]) == 403
    assert owner.change_link(run, {"share_examples": True}).share_examples
    assert linked.links.model(link).shows_examples
    assert compared(linked.links, link, ["a"]) == 200
    owner.change_link(run, {"share_examples": False})
    assert compared(linked.links, link, ["a"]) == 403
    owner.change_link(run, {"share_examples": True, "enabled": False})
    assert compared(linked.links, link, ["a"]) == 403
    # A link that is made anew shares nothing, nor does that of another run.
    owner.unpublish(run)
    assert compared(linked.links, link, ["a"]) == 404
    assert compared(linked.links, owner.publish(run).id, ["a"]) == 403
    assert compared(linked.links, owner.publish(fake_run(owner)).id, ["a"]) == 403


def test_a_lock_also_guards_the_training_examples(linked, owner, run):
    link = owner.publish(run).id
    owner.change_link(run, {"share_examples": True, "password": "correct"})
    assert not linked.links.model(link).shows_examples
    assert linked.links.model(link, password="correct").shows_examples
    assert compared(linked.links, link, ["a"]) == 401
    assert compared(linked.links, link, ["a"], password="wrong") == 401
    assert compared(linked.links, link, ["a"], password="correct") == 200
    key = owner.new_api_key(run, "shop")
    assert compared(linked.links, link, ["a"], password="correct", program=True) == 401
    assert compared(linked.links, link, ["a"], key=key, program=True) == 200


def test_an_owner_who_switches_it_off_meanwhile_is_heard(linked, owner, run):
    def slow(_run: object, text: str) -> object:
        owner.change_link(run, {"share_examples": False})
        return fake_compare(_run, text)

    link = owner.publish(run).id
    owner.change_link(run, {"share_examples": True})
    assert compared(PublicLinks(linked, fake_predict, slow), link, ["a"]) == 403


@pytest.mark.parametrize(
    ("change", "expected", "keyed"),
    [
        (lambda owner, run: owner.change_link(run, {"password": "correct"}), 401, False),
        (lambda owner, run: owner.remove_api_key(run, "shop"), 401, True),
        (lambda owner, run: owner.change_link(run, {"enabled": False}), 403, True),
        (lambda owner, run: owner.unpublish(run), 404, True),
        (lambda owner, run: shutil.rmtree(owner.folder / "runs" / run / "data"), 404, True),
        (lambda owner, run: shutil.rmtree(owner.folder / "runs" / run), 404, True),
    ],
)
@pytest.mark.parametrize("fails", [False, True])
def test_access_that_is_taken_away_meanwhile_is_gone(linked, owner, run, change, expected, keyed, fails):
    link = owner.publish(run).id
    key = owner.new_api_key(run, "shop") if keyed else ""
    owner.change_link(run, {"share_examples": True})

    def changed(folder: Path, text: str) -> object:
        change(owner, run)
        if fails:
            raise FileNotFoundError(2, "No such file", "/srv/secret")
        return fake_compare(folder, text)

    assert compared(PublicLinks(linked, fake_predict, changed), link, ["a"], key=key, program=True) == expected


def test_training_examples_are_looked_up_for_one_visitor_at_a_time_and_few_texts(tmp_path, owner, run):
    services = with_fake_models(Settings(data_dir=tmp_path / "data"))
    link = owner.publish(run).id
    owner.change_link(run, {"share_examples": True, "requests_per_minute": 11})
    assert compared(services.links, link, ["a"] * 6) == 413
    begun, go_on, answers = threading.Event(), threading.Event(), []

    def waiting(folder: object, text: str) -> object:
        begun.set()
        assert go_on.wait(10)
        return fake_compare(folder, text)

    links = PublicLinks(services, fake_predict, waiting)
    thread = threading.Thread(target=lambda: answers.append(compared(links, link, ["a"] * 5)))
    thread.start()
    assert begun.wait(10)
    assert compared(links, link, ["a"]) == 503
    go_on.set()
    thread.join()
    assert answers == [200]
    # Each text counts as a request, but for those of who was sent away: five are taken.
    assert compared(services.links, link, ["a"] * 5) == 200
    assert [compared(services.links, link, ["a"] * number) for number in (2, 2, 1, 1)] == [429, 429, 200, 429]


def test_of_few_requests_a_minute_only_few_texts_are_compared(tmp_path, owner, run):
    services = with_fake_models(Settings(data_dir=tmp_path / "data"))
    link = owner.publish(run).id
    owner.change_link(run, {"share_examples": True, "requests_per_minute": 2})
    with pytest.raises(LinkError, match="at most 2 texts") as told:
        services.links.examples(link, ["a"] * 3)
    assert told.value.status == 413
    predictions, alike = services.links.predict_with_examples(link, ["a", "b"])
    assert ([each.label for each in predictions], len(alike)) == (["好", "好"], 2)
    assert compared(services.links, link, ["a"]) == 429


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OverloadedError("x", where="/srv/secret"), 503),
        (ArtifactError("x", where="/srv/secret"), 500),
        (ConfigError("x"), 500),
        (OSError(5, "x", "/srv/secret"), 500),
    ],
)
def test_a_visitor_is_not_told_why_examples_cannot_be_looked_up(linked, owner, run, caplog, error, expected):
    def fails(_run: object, _text: str) -> object:
        raise error

    link = owner.publish(run).id
    owner.change_link(run, {"share_examples": True})
    links = PublicLinks(linked, fake_predict, fails)
    for _ in range(2):  # the place is free again
        with pytest.raises(LinkError, match="cannot be looked up") as told:
            links.examples(link, ["a"])
        assert told.value.status == expected
        assert "secret" not in str(vars(told.value))
    # Whoever runs the app finds it in the log.
    assert [bool(each.exc_info) for each in caplog.records] == [True] * (2 if expected == 500 else 0)


def test_a_run_without_its_rows_tells_no_examples(linked, owner):
    """The services as they are in the app: no process is begun for a run that has no rows."""
    run = fake_run(owner, rows=False)
    link = owner.publish(run).id
    owner.change_link(run, {"share_examples": True})
    services = Services(linked.settings)
    assert not services.links.model(link).shows_examples
    assert compared(services.links, link, ["a"]) == 404
    assert "explainer" not in vars(services)
    with pytest.raises(ArtifactError, match="are not here") as told:
        owner.similar_examples(run, "a")
    assert told.value.fix == "Train it once more."
