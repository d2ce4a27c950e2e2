"""What all tabs share: the use cases, the sentences, whose page it is, and how a handler fails."""

from __future__ import annotations

import functools
import inspect
import logging
import os
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.events import Dependency

from sft_keras.errors import ConfigError, SettingError, SftError, one_line
from sft_keras.services import Services, Space, owner_key_for_user
from sft_keras.services.wording import told as worded
from sft_keras.ui.setting_errors import setting_told
from sft_keras.ui.texts import Catalogue, Texts

# For an event that shows another part of the page: its beginning is where one reads on.
TO_TOP = "() => { window.scrollTo({top: 0}); return []; }"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Shared:
    """What `build` of a tab is given.

    Attributes:
        services: All use cases.
        texts: Labels (`texts.label`) and catalogues (`texts.of`).
        owner: The key of whoever sees the page; made when the page is first loaded. With accounts, a session.
        dataset: Id of the chosen dataset, or "".
        run: Id of the chosen run, or "".
        split: Shares of the rows, `{"validation_fraction": 0.1, "test_fraction": 0.2}`.
        ready: Happens once a page is loaded and has its key: `shared.ready.then(handler, …)` restores what it showed.
        runs_shown: The settings of an event that draws the list of trainings anew: `event.then(**shared.runs_shown)`.
        tabs: The tabs; `gr.Tabs(selected="train")` opens one: data, train, evaluate, predict.
    """

    services: Services
    texts: Texts
    owner: gr.BrowserState
    dataset: gr.BrowserState
    run: gr.BrowserState
    split: gr.BrowserState
    ready: Dependency
    runs_shown: dict[str, Any]
    tabs: gr.Tabs


def hugging_face() -> bool:
    """Whether people log in with Hugging Face: a Space that asks for it is given a client id."""
    return bool(os.environ.get("OAUTH_CLIENT_ID"))


def login_required(services: Services) -> bool:
    """Whether only those who have logged in see the studio."""
    return services.accounts.required or hugging_face()


def user_of(services: Services, owner_key: object, request: gr.Request | None) -> str:
    """The name of whoever is logged in, or "".

    Where there are accounts, a session of one is the only way in: anybody can have a login at Hugging Face.

    Args:
        services: All use cases.
        owner_key: What the browser holds: with accounts, a session.
        request: What may bring a login at Hugging Face.
    """
    return services.sessions.user(owner_key) if services.accounts.required else hugging_face_user(request)


def hugging_face_user(request: gr.Request | None, *, shown: bool = False) -> str:
    """Whoever is logged in with Hugging Face, or "".

    Args:
        request: The request with its cookie, which is signed.
        shown: Give the name that people know, in place of the one that stays.
    """
    scope = getattr(getattr(request, "request", None), "scope", None) or {}
    info = (scope.get("session") or {}).get("oauth_info") or {}
    ends = info.get("expires_at")
    if not hugging_face() or (ends is not None and ends < time.time()):
        return ""
    user = info.get("userinfo") or {}
    if not isinstance(user.get("sub"), str):
        return ""
    # Accounts of this app cannot hold a colon, so that the two cannot be mistaken for each other.
    return str(user.get("preferred_username") or "") if shown else f"hf:{user['sub']}"


def space_of(services: Services, owner_key: str | None, request: gr.Request | None) -> Space:
    """What belongs to whoever sees the page: every handler that shows or changes it asks here.

    Raises:
        ConfigError: A login is needed and there is none, or the browser has no key.
    """
    user = user_of(services, owner_key, request)
    if user:
        return services.space(owner_key_for_user(user))
    if login_required(services):
        raise ConfigError("You are not signed in, or your session has ended.", fix="Load the page again and sign in.")
    return services.space(browser_key(owner_key))


def browser_key(owner_key: str | None) -> str:
    """The key of a browser; one that claims to be a login is none."""
    key = owner_key if isinstance(owner_key, str) else ""
    return "" if key.startswith("user:") else key


def known(owner_key: str | None, request: gr.Request | None) -> bool:
    """Whether it is clear whose page it is; while a page is loaded, events come before its key.

    Not a check: that is made by `space_of`.
    """
    return bool(owner_key or hugging_face_user(request))


def client_of(request: gr.Request | None) -> str:
    """The address of the visitor, for which wrong passwords are counted."""
    return str(getattr(getattr(request, "client", None), "host", "") or "")


def told(error: Exception, say: Catalogue) -> str:
    """A failure as one sentence or two for whoever caused it; what nobody foresaw is logged under a number.

    Args:
        error: The failure.
        say: The catalogue of the reader.
    """
    if isinstance(error, SettingError):
        return setting_told(error, say)
    if isinstance(error, SftError):
        found = worded(error, say.language)
        where = say("shell.error_where", where=found.where) if found.where else ""
        return one_line(" ".join(part for part in (found.problem, where, found.fix) if part))
    number = secrets.token_hex(4)
    _LOG.error("Failure %s", number, exc_info=error)
    return say("shell.error_unknown", number=number)


def guarded(texts: Texts, function: Callable[..., Any]) -> Callable[..., Any]:
    """A handler that never shows a traceback: a failure becomes a message at the edge of the page.

    The handler takes a parameter annotated `gr.Request`, from which the language is taken. Handlers that have a
    place for a message of their own catch `SftError` themselves, and write `told(error, say)` there.
    """

    def failed(error: Exception, args: tuple[Any, ...]) -> gr.Error:
        request = next((each for each in args if isinstance(each, gr.Request)), None)
        say = texts.of(request)
        return gr.Error(told(error, say), title=say("shell.error_title"), duration=12, print_exception=False)

    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def generator(*args: Any) -> Iterator[Any]:
            try:
                yield from function(*args)
            except Exception as error:
                raise failed(error, args) from None

        return generator

    @functools.wraps(function)
    def handler(*args: Any) -> Any:
        try:
            return function(*args)
        except Exception as error:
            raise failed(error, args) from None

    return handler


def quiet(**more: Any) -> dict[str, Any]:
    """Settings of an event that a page makes by itself: not queued, no flicker, no part of the public API."""
    return {"queue": False, "show_progress": "hidden", "api_visibility": "private", **more}


def on_change(**more: Any) -> dict[str, Any]:
    """Settings of a quiet event that hears of a change.

    Gradio's own mode for changes, "always_last", tells all listeners once more for each that was busy when another
    change came: two such listeners of one component call each other without end, and the page stands still.
    """
    return quiet(trigger_mode="multiple", **more)
