"""The page as a whole, and how it is put on the network."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import gradio as gr
from starlette.middleware import Middleware

from sft_keras.errors import ConfigError
from sft_keras.services import Services
from sft_keras.ui import gate, public, sidebar
from sft_keras.ui.components.html import Markup, block, callout, joined, tag
from sft_keras.ui.form import sentences
from sft_keras.ui.no_downloads import forbid_downloads
from sft_keras.ui.setup import FIELDS, TERM_FIELDS
from sft_keras.ui.shared import (
    TO_TOP,
    Shared,
    guarded,
    hugging_face,
    hugging_face_user,
    known,
    login_required,
    quiet,
    space_of,
    user_of,
)
from sft_keras.ui.tabs import data, evaluate, predict, train
from sft_keras.ui.texts import Catalogue, Texts
from sft_keras.ui.theme import css, theme
from sft_keras.ui.uploads import UploadLimit

if TYPE_CHECKING:
    from fastapi import FastAPI

TABS = {"data": data, "train": train, "evaluate": evaluate, "predict": predict}
DEFAULT_SPLIT = {"validation_fraction": 0.1, "test_fraction": 0.2}
# Before anything is drawn: the page of a public link shows nothing of the studio, and nor does a page that needs a
# login, until it is known that there is one.
# The style stands here because Gradio rewrites what stands in media queries of a style sheet: on screens that are wide
# enough for both, the tabs stand beside the list of trainings with equal margins.
_HEAD = """<style>
@media (min-width: 1000px) and (max-width: 1699px) {
  html:not(.is-public, .is-locked) .gradio-container .fillable:has(.sidebar.open) { max-width: 1410px !important; }
  html:not(.is-public, .is-locked) .gradio-container .sidebar-parent:has(.sidebar.open) {
    padding-left: 290px !important;
  }
}
</style>
<script>
if (new URLSearchParams(location.search).has("model")) document.documentElement.classList.add("is-public");
</script>"""
_LOCKED = "<script>document.documentElement.classList.add('is-locked');</script>"

# The key of a browser, made in it (256 bits), so that whatever somebody does first already has it.
_OWN_KEY = """(key) => key || btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32))))
  .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")"""
# So that a page that is loaded again opens the same tab; while it is loaded, the first tab is selected by itself.
_OPEN_SIDEBAR = """() => {
  const toggle = document.querySelector("#runs-bar:not(.open) .toggle-button");
  if (toggle && window.innerWidth >= 1000) toggle.click();
  return [];
}"""
_RESTORED = "() => { document.documentElement.dataset.restored = 'yes'; return []; }"
_REMEMBER_TAB = """() => {
  if (document.documentElement.dataset.restored !== "yes") return [];
  const address = new URL(location.href);
  address.searchParams.set("tab", "%s");
  history.replaceState(history.state, "", address);
  return [];
}"""
_MARK = Markup(
    '<svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="8" fill="currentColor"/>'
    '<g fill="none" stroke="var(--s-card)" stroke-width="2.4" stroke-linecap="round">'
    '<path d="M8 10h9M8 16h6M8 22h9"/><circle cx="22.5" cy="16" r="3"/></g></svg>'
)


@cache
def app_texts() -> Texts:
    """All sentences of the app, with those that the fields of the configuration bring."""
    return Texts(sentences([*FIELDS, *TERM_FIELDS]))


def build_ui(services: Services) -> gr.Blocks:
    """The page: four tabs over the use cases.

    Args:
        services: All use cases.
    """
    texts = app_texts()

    needs_login, secret = login_required(services), services.browser_secret

    def own_session(key: str, request: gr.Request) -> str:
        """The session that the browser holds, unless it has ended."""
        return key if user_of(services, key, request) else ""

    def greet(key: str, request: gr.Request) -> str:
        user = hugging_face_user(request, shown=True) or user_of(services, key, request)
        return _top(texts.of(request), user, services.data_lasts())

    def restore(key: str, chosen: str, request: gr.Request) -> list[Any]:
        """The run and the tab that the address names, if they are one's own."""
        if not known(key, request):
            return [gr.skip(), gr.skip()]
        wanted, tab = request.query_params.get("run") or chosen, request.query_params.get("tab")
        runs = {each.id for each in space_of(services, key, request).runs()}
        return [wanted if wanted in runs else "", gr.Tabs(selected=tab) if tab in TABS else gr.skip()]

    demo = gr.Blocks(title="sft-keras", analytics_enabled=False, delete_cache=(3600, 3600))
    with demo:
        # A session has a place of its own, so that no browser forgets its key while there are accounts.
        kept_as = "sft-keras-session" if needs_login else "sft-keras-owner"
        owner = gr.BrowserState("", storage_key=kept_as, secret=secret)
        dataset = gr.BrowserState("", storage_key="sft-keras-dataset", secret=secret)
        run = gr.BrowserState("", storage_key="sft-keras-run", secret=secret)
        split = gr.BrowserState(DEFAULT_SPLIT, storage_key="sft-keras-split", secret=secret)
        if needs_login:
            listen = gate.build(services, texts, owner)
            # Whoever signs in changes it; what is drawn for them follows without loading the page again.
            ready = gr.on([demo.load, owner.change], guarded(texts, own_session), owner, owner, **quiet())
            listen(ready)
        else:
            ready = demo.load(None, owner, owner, js=_OWN_KEY)
        with gr.Sidebar(elem_id="runs-bar", open=False, width=290, label=texts.label("train.runs")):
            runs_shown, new_run = sidebar.build(services, texts, owner, run)
        demo.load(None, js=_OPEN_SIDEBAR)
        with gr.Column(elem_id="studio"):
            with gr.Row(elem_id="top-row"):
                top = block(elem_id="top")
                if services.accounts.required:
                    gate.leave_button(texts)
                elif hugging_face():
                    gr.LoginButton(elem_id="login", size="sm", scale=0, min_width=160)
            ready.then(guarded(texts, greet), owner, top, **quiet())
            with gr.Tabs(elem_id="tabs", selected="data") as tabs:
                shared = Shared(services, texts, owner, dataset, run, split, ready, runs_shown, tabs)
                for name, tab in TABS.items():
                    with gr.Tab(texts.label(f"shell.tab_{name}"), id=name, elem_id=f"tab-{name}") as place:
                        tab.build(shared)
                    place.select(None, js=_REMEMBER_TAB % name)
        new_run.click(lambda: ["", gr.Tabs(selected="train")], None, [run, tabs], js=TO_TOP, **quiet())
        ready.then(guarded(texts, restore), [owner, run], [run, tabs], **quiet()).then(**runs_shown).then(
            None, js=_RESTORED
        )
        with gr.Column(elem_id="public"):
            public.build(shared)
    return demo


def launch(
    demo: gr.Blocks,
    services: Services,
    *,
    share: bool = False,
    routes: Callable[[FastAPI, Services], None] | None = None,
) -> None:
    """Puts the page on the network and stays until it is ended.

    Args:
        demo: The page.
        services: All use cases.
        share: Whether Gradio's tunnel makes it reachable from everywhere.
        routes: Adds addresses beside the page to the app that serves it.

    Uploads lie where `services.uploads.take_in()` puts them, if that was called before the page was built.

    Raises:
        ConfigError: It was to be shared without a login.
    """
    # A file of accounts that cannot be read ends the start, shared or not.
    if not services.accounts.enabled and share:
        raise ConfigError(
            "Without a login, everybody on the internet could use this machine.",
            where="--share",
            fix="Set SFT_AUTH to a file of accounts (`sft-keras hash-password`), then start it again.",
        )
    forbid_downloads()
    services.attend()
    demo.queue(default_concurrency_limit=8, max_size=64)
    app, address, _ = demo.launch(
        server_name=os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"),
        server_port=_port(os.environ.get("GRADIO_SERVER_PORT", "7860")),
        prevent_thread_lock=True,
        theme=theme(),
        css=css(),
        head=_HEAD + (_LOCKED if login_required(services) else ""),
        i18n=app_texts().i18n,
        max_file_size=services.settings.max_upload_bytes,
        share=share,
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        mcp_server=False,
        app_kwargs={"middleware": [Middleware(UploadLimit, uploads=services.uploads)]},
        footer_links=[],
        quiet=True,
    )
    # Once it listens: a second start by mistake takes nothing from the first.
    services.uploads.forget_earlier()
    if routes is not None:
        routes(app, services)
    print(f"sft-keras: {address}", flush=True)
    demo.block_thread()


def _port(written: str) -> int:
    if not written.isdecimal() or not 0 < int(written) < 65536:
        raise ConfigError(
            f'A port is a number from 1 to 65535. Received: "{written[:20]}"',
            where="environment variable GRADIO_SERVER_PORT",
            fix="Set it to 7860, or leave it out.",
        )
    return int(written)


def _top(say: Catalogue, user: str, lasts: bool) -> Markup:
    named = tag("div", tag("p", "sft-keras", class_="s-name"), tag("p", say("shell.tagline"), class_="s-tagline"))
    who = tag("p", say("shell.logged_in", user=user), class_="s-subdued s-small s-who") if user else ""
    warning = "" if lasts else callout("warning", say("shell.not_lasting"), say("shell.not_lasting_why"))
    return joined([tag("div", _MARK, named, who, class_="s-top"), warning])
