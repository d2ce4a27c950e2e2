"""The login: until somebody has signed in, it stands in the place of the studio.

What keeps others out is `space_of`, which every handler asks. What is done here only shows what is of use.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.events import Dependency

from sft_keras.services import Services
from sft_keras.ui.components.html import block, callout, heading
from sft_keras.ui.shared import client_of, guarded, quiet, user_of
from sft_keras.ui.texts import Texts

# The form is shown once it is known that nobody is signed in, so that it does not flash up when the page is loaded.
_SHOW = """(inside) => {
  const page = document.documentElement, out = inside !== "yes";
  page.classList.toggle("is-locked", out);
  page.classList.toggle("asks-login", out);
  // Gradio leaves the attributes of a password's field out.
  document.querySelector("#gate-password input")?.setAttribute("autocomplete", "current-password");
  if (out && !page.classList.contains("is-public")) document.querySelector("#gate input")?.focus();
  return [];
}"""
# Everything that this browser holds of the account goes, and the page starts anew, without the run in its address.
_LEAVE = """() => {
  for (const name of ["session", "dataset", "run"]) localStorage.removeItem(`sft-keras-${name}`);
  location.replace(location.pathname);
  return [];
}"""


def build(services: Services, texts: Texts, owner: gr.BrowserState) -> Callable[[Dependency], None]:
    """Makes the form, or the button of Hugging Face where there are no accounts.

    Args:
        services: All use cases.
        texts: Labels and catalogues.
        owner: Where the browser keeps the session.

    Returns:
        A function that is given the event after which it is known whose page it is.
    """
    label, accounts = texts.label, services.accounts.required
    with gr.Column(elem_id="gate", elem_classes=["card"]):
        head = block(elem_id="gate-head")
        if accounts:
            name = gr.Textbox(
                label=label("login.name"),
                max_lines=1,
                max_length=100,
                elem_id="gate-name",
                html_attributes=gr.InputHTMLAttributes(
                    autocomplete="username", autocapitalize="none", spellcheck=False
                ),
            )
            password = gr.Textbox(
                label=label("login.password"),
                type="password",
                max_lines=1,
                elem_id="gate-password",
            )
            enter = gr.Button(label("login.enter"), variant="primary", elem_id="gate-enter")
            message = block(elem_id="gate-message")
        else:
            gr.LoginButton(elem_id="gate-hugging-face")
        inside = gr.Textbox(visible="hidden", container=False, label="inside", elem_id="gate-inside")

    def log_in(called: str | None, word: str | None, request: gr.Request) -> list[Any]:
        say = texts.of(request)
        if not (called or "").strip() or not word:
            return [gr.skip(), gr.skip(), callout("info", say("login.missing"))]
        session = services.sessions.enter(called or "", word, client=client_of(request))
        if not session:
            return [gr.skip(), gr.skip(), callout("error", say("login.wrong"), say("login.wrong_next"))]
        return [session, "", ""]

    def show(key: str, request: gr.Request) -> list[Any]:
        say = texts.of(request)
        how = say("login.how" if accounts else "login.how_hugging_face")
        return [heading(say("login.title"), how), "yes" if user_of(services, key, request) else "no"]

    def listen(ready: Dependency) -> None:
        ready.then(guarded(texts, show), owner, [head, inside], **quiet()).then(None, inside, js=_SHOW)

    if accounts:
        pressed = [enter.click, name.submit, password.submit]
        gr.on(
            pressed,
            guarded(texts, log_in),
            [name, password],
            [owner, password, message],
            **quiet(),
        )
    return listen


def leave_button(texts: Texts) -> None:
    """Makes the button that signs out."""
    gr.Button(texts.label("login.leave"), size="sm", elem_id="logout", scale=0, min_width=110).click(None, js=_LEAVE)
