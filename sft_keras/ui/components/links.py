"""A public link as pieces of a page: its address with a button that copies it, and programs that call it."""

from __future__ import annotations

import json
import os
from urllib.parse import urlsplit

import gradio as gr

from sft_keras.services.space.links import LinkView
from sft_keras.ui.components.html import Markup, badge, joined, tag
from sft_keras.ui.texts import Catalogue

# Copying happens in the browser alone; a page without a secure address needs the older way.
_ON_COPY = """
element.addEventListener('click', async (event) => {
  const button = event.target.closest('[data-copy]');
  if (!button) return;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch (error) {
    const box = document.createElement('textarea');
    box.value = button.dataset.copy;
    document.body.append(box);
    box.select();
    document.execCommand('copy');
    box.remove();
    button.focus();
  }
  button.dataset.label ||= button.textContent;
  button.textContent = button.dataset.copied;
  setTimeout(() => { button.textContent = button.dataset.label; }, 1800);
});
"""


def copy_block(elem_id: str) -> gr.HTML:
    """A place on the page for pieces with a button that copies."""
    return gr.HTML("", elem_id=elem_id, js_on_load=_ON_COPY, apply_default_css=False, elem_classes=["s-html"])


def page_root(request: gr.Request | None) -> str:
    """Where this app is reached, without a slash at the end.

    On a Space that is the Space's own address, since the app lies in a frame there. Elsewhere it is where whoever asks
    has the page open, so that it holds behind any proxy.
    """
    host = os.environ.get("SPACE_HOST", "").strip()
    if host:
        return f"https://{host.split(',')[0]}"
    headers = getattr(request, "headers", None) or {}
    page = urlsplit(headers.get("referer") or "")
    if page.scheme in ("http", "https") and page.netloc:
        return f"{page.scheme}://{page.netloc}{page.path.rpartition('/')[0]}"
    return f"{headers.get('x-forwarded-proto') or 'http'}://{headers.get('host') or 'localhost:7860'}"


def address_of(link: str, request: gr.Request | None) -> str:
    """The address of a link's page."""
    return f"{page_root(request)}/?model={link}"


def copied(text: str, say: Catalogue, *, label: str) -> Markup:
    """A button that copies a text."""
    return tag("button", label, type="button", class_="s-button", data_copy=text, data_copied=say("share.copied"))


def address_panel(link: LinkView, address: str, say: Catalogue) -> Markup:
    """The address of a link, whether it answers, and how much it was used."""
    if link.enabled:
        expired = bool(link.expires) and _is_past(str(link.expires))
        state = badge(say("share.state_expired"), "warning") if expired else badge(say("share.state_on"), "success")
    else:
        state = badge(say("share.state_off"), "warning")
    uses = say("share.uses_one") if link.uses == 1 else say("share.uses", count=f"{link.uses:,}")
    row = tag(
        "div",
        tag("code", address),
        tag(
            "button",
            say("share.copy"),
            type="button",
            class_="s-button s-button-primary",
            data_copy=address,
            data_copied=say("share.copied"),
        ),
        tag("a", say("share.open"), href=address, target="_blank", rel="noopener", class_="s-button"),
        class_="l-address",
    )
    locked = say("share.password_set" if link.has_password else "share.password_none")
    rows = badge(say("share.examples_on"), "warning") if link.share_examples else Markup("")
    return joined([row, tag("div", state, tag("span", uses), tag("span", locked), rows, class_="l-facts")])


def programs(link: LinkView, request: gr.Request | None, say: Catalogue) -> dict[str, str]:
    """Programs that call the model, by the name of the language: "python", "javascript" and "shell"."""
    address = f"{page_root(request)}/api/v1/models/{link.id}/predict"
    text, key = say("predict.code_text"), say("predict.code_key")
    header = ("Authorization", f"Bearer {key}") if link.api_keys else None
    if header is None and link.has_password:
        header = ("X-Model-Password", say("predict.code_password"))
    body = json.dumps({"texts": [text]}, ensure_ascii=False)
    python_header = f"    headers={{{json.dumps(header[0])}: {json.dumps(header[1])}}},\n" if header else ""
    script_header = f", {json.dumps(header[0])}: {json.dumps(header[1], ensure_ascii=False)}" if header else ""
    shell_header = f'  -H "{header[0]}: {header[1]}" \\\n' if header else ""
    return {
        "python": (
            "import requests\n\n"
            f'answer = requests.post(\n    "{address}",\n{python_header}    json={body},\n    timeout=30,\n)\n'
            'for each in answer.json()["predictions"]:\n    print(each["label"], each["confidence"])\n'
        ),
        "javascript": (
            f'const answer = await fetch("{address}", {{\n  method: "POST",\n'
            f'  headers: {{ "Content-Type": "application/json"{script_header} }},\n'
            f"  body: JSON.stringify({body}),\n}});\n"
            "const { predictions } = await answer.json();\nconsole.log(predictions[0].label);\n"
        ),
        "shell": (f'curl "{address}" \\\n{shell_header}  -H "Content-Type: application/json" \\\n  -d \'{body}\'\n'),
    }


def _is_past(moment: str) -> bool:
    from datetime import UTC, datetime

    try:
        found = datetime.fromisoformat(moment)
    except ValueError:
        return False
    return (found if found.tzinfo else found.replace(tzinfo=UTC)) < datetime.now(UTC)
