"""The section Share of the tab Predict: the public link of the chosen run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any

import gradio as gr

from sft_keras.errors import ConfigError, SftError
from sft_keras.services.space.links import LinkView
from sft_keras.ui.components.html import Markup, block, callout, heading, tag
from sft_keras.ui.components.links import address_of, address_panel, copied, copy_block
from sft_keras.ui.shared import Shared, guarded, known, quiet, space_of, told
from sft_keras.ui.texts import Catalogue


def last_moment(day: str, say: Catalogue) -> str | None:
    """The end of a day, ISO 8601 in UTC; None for an empty text.

    Raises:
        ConfigError: It is no day, or one that has passed.
    """
    written = (day or "").strip()
    if not written:
        return None
    try:
        found = date.fromisoformat(written)
    except ValueError:
        raise ConfigError(say("share.expires_wrong", value=written[:40])) from None
    if found < datetime.now(UTC).date():
        raise ConfigError(say("share.expires_past", value=written))
    return datetime.combine(found, time(23, 59, 59), UTC).isoformat()


def changes_of(before: LinkView, form: Mapping[str, Any], day: str, word: str, say: Catalogue) -> dict[str, Any]:
    """What a person has changed in the form: what was changed elsewhere since it was filled stays.

    Args:
        before: What the form was filled with.
        form: What stands there now, by the names of `LinkView`.
        day: The last day as it is written there.
        word: The new password; "" if none was given.
        say: The sentences.

    Raises:
        ConfigError: The day is none, or has passed. One that nobody changed may stay.
    """
    changes = {name: value for name, value in form.items() if value != getattr(before, name)}
    if (before.expires or "")[:10] != (day or "").strip():
        changes["expires"] = last_moment(day, say)
    return changes | ({"password": word} if word else {})


def build(shared: Shared, triggers: Sequence[Any]) -> gr.State:
    """Makes the components and events.

    Args:
        shared: What all tabs share.
        triggers: Events on which another run may be chosen.

    Returns:
        The id of the link and what of it matters to programs, which changes with both; "" without a link.
    """
    label, texts, services = shared.texts.label, shared.texts, shared.services
    published = gr.State("")
    # What the form was filled with: a page is told its run more than once, and what was changed meanwhile stays.
    filled = gr.State(None)
    with gr.Column(elem_classes=["card"], elem_id="share"):
        head = block(elem_id="share-head")
        publish = gr.Button(label("share.publish"), variant="primary", visible=False, elem_id="share-publish")
        with gr.Column(visible=False, elem_id="share-body") as body:
            address = copy_block("share-address")
            with gr.Accordion(label("share.settings"), open=False, elem_id="share-settings"):
                enabled = gr.Checkbox(label=label("share.enabled"), elem_id="share-enabled", container=False)
                name = gr.Textbox(label=label("share.name"), max_lines=1, max_length=120, elem_id="share-name")
                examples = gr.Checkbox(
                    label=label("share.examples"),
                    info=label("share.examples_info"),
                    elem_id="share-examples",
                )
                with gr.Row():
                    expires = gr.Textbox(
                        label=label("share.expires"),
                        info=label("share.expires_info"),
                        max_lines=1,
                        placeholder="2030-12-31",
                        elem_id="share-expires",
                    )
                    rate = gr.Number(
                        label=label("share.rate"),
                        info=label("share.rate_info"),
                        minimum=1,
                        maximum=6000,
                        precision=0,
                        elem_id="share-rate",
                    )
                with gr.Row(elem_classes=["l-inline"]):
                    password = gr.Textbox(
                        label=label("share.password"),
                        info=label("share.password_info"),
                        type="password",
                        max_lines=1,
                        elem_id="share-password",
                    )
                    unlock = gr.Button(
                        label("share.remove_password"),
                        visible=False,
                        scale=0,
                        min_width=200,
                        elem_id="share-remove-password",
                    )
                save = gr.Button(label("share.save"), variant="primary", elem_id="share-save")
                saved = block(elem_id="share-saved")
            with gr.Accordion(label("share.keys_title"), open=False, elem_id="share-keys"):
                keys_head = block(elem_id="share-keys-head")
                with gr.Row(elem_classes=["l-inline"]):
                    key_name = gr.Textbox(
                        label=label("share.key_name"), max_lines=1, max_length=60, elem_id="share-key-name"
                    )
                    add = gr.Button(label("share.key_add"), scale=0, min_width=200, elem_id="share-key-add")
                made = copy_block("share-key-made")
                with gr.Row(elem_classes=["l-inline"]):
                    key_list = gr.Dropdown([], label=label("share.key_list"), visible=False, elem_id="share-key-list")
                    drop = gr.Button(
                        label("share.key_remove"), visible=False, scale=0, min_width=200, elem_id="share-key-remove"
                    )
            with gr.Row():
                withdraw = gr.Button(label("share.unpublish"), scale=0, min_width=200, elem_id="share-unpublish")
            with gr.Column(visible=False, elem_id="share-sure") as sure:
                sure_head = block(elem_id="share-sure-head")
                with gr.Row():
                    yes = gr.Button(label("share.unpublish_yes"), variant="stop", elem_id="share-unpublish-yes")
                    no = gr.Button(label("share.unpublish_no"), elem_id="share-unpublish-no")
    outputs = [
        head, publish, body, address, enabled, name, examples, expires, rate, password, unlock, saved, keys_head,
        key_name, made, key_list, drop, sure, sure_head, published, filled,
    ]  # fmt: skip

    def page(link: LinkView | None, request: gr.Request, *, message: Markup | str = "", key: Markup | str = "") -> Any:
        say = texts.of(request)
        there = link is not None
        names = list(link.api_keys) if link else []
        return {
            head: heading(say("share.title"), say("share.how")),
            publish: gr.Button(visible=not there),
            body: gr.Column(visible=there),
            address: address_panel(link, address_of(link.id, request), say) if link else "",
            enabled: bool(link and link.enabled),
            name: link.title if link else "",
            examples: bool(link and link.share_examples),
            expires: (link.expires or "")[:10] if link else "",
            rate: link.requests_per_minute if link else 60,
            password: "",
            unlock: gr.Button(visible=bool(link and link.has_password)),
            saved: message,
            keys_head: tag("p", say("share.keys_how"), class_="s-subdued"),
            key_name: "",
            made: key,
            key_list: gr.Dropdown(names, value=names[0] if names else None, visible=bool(names)),
            drop: gr.Button(visible=bool(names)),
            sure: gr.Column(visible=False),
            sure_head: tag("p", say("share.unpublish_sure")),
            published: f"{link.id} {bool(names)} {link.has_password}" if link else "",
            filled: link and replace(link, uses=0),
        }

    def show(owner: str, run: str, before: LinkView | None, request: gr.Request) -> Any:
        try:
            link = space_of(services, owner, request).link(run) if run and known(owner, request) else None
        except SftError:
            link = None
        if link is not None and before == replace(link, uses=0):
            return {address: address_panel(link, address_of(link.id, request), texts.of(request))}
        return page(link, request)

    def do_publish(owner: str, run: str, request: gr.Request) -> Any:
        return page(space_of(services, owner, request).publish(run), request)

    def do_save(
        owner: str,
        run: str,
        before: LinkView | None,
        on: bool,
        title: str,
        shows: bool,
        day: str,
        most: float | None,
        word: str,
        request: gr.Request,
    ) -> Any:
        space, say = space_of(services, owner, request), texts.of(request)
        form = {
            "enabled": bool(on),
            "title": title or "",
            "requests_per_minute": int(most or 0),
            "share_examples": bool(shows),
        }
        try:
            link = space.link(run)
            if before is None or link is None or (before.run, before.id) != (run, link.id):
                return page(link, request, message=callout("info", say("share.outdated")))
            link = space.change_link(run, changes_of(before, form, day, word, say))
        except SftError as error:
            return {saved: callout("error", told(error, say))}
        return page(link, request, message=callout("success", say("share.saved")))

    def do_unlock(owner: str, run: str, request: gr.Request) -> Any:
        link = space_of(services, owner, request).change_link(run, {"password": ""})
        return page(link, request, message=callout("success", texts.of(request)("share.saved")))

    def do_add(owner: str, run: str, title: str, request: gr.Request) -> Any:
        space, say = space_of(services, owner, request), texts.of(request)
        if not (title or "").strip():
            return {made: callout("info", say("share.key_missing"))}
        try:
            key = space.new_api_key(run, title)
        except SftError as error:
            return {made: callout("error", told(error, say))}
        shown = tag("div", tag("code", key, class_="l-key"), " ", copied(key, say, label=say("share.copy_key")))
        return page(space.link(run), request, key=callout("success", say("share.key_made", name=title.strip()), shown))

    def do_drop(owner: str, run: str, title: str | None, request: gr.Request) -> Any:
        space, say = space_of(services, owner, request), texts.of(request)
        try:
            space.remove_api_key(run, title or "")
        except SftError as error:
            return {made: callout("error", told(error, say))}
        return page(space.link(run), request, key=callout("info", say("share.key_removed", name=title or "")))

    def do_withdraw(owner: str, run: str, request: gr.Request) -> Any:
        space_of(services, owner, request).unpublish(run)
        return page(None, request)

    keys = [shared.owner, shared.run]
    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    gr.on(triggers, guarded(texts, show), [*keys, filled], outputs, trigger_mode="multiple", **quiet())
    publish.click(guarded(texts, do_publish), keys, outputs, **private)
    save.click(
        guarded(texts, do_save),
        [*keys, filled, enabled, name, examples, expires, rate, password],
        outputs,
        **private,
    )
    unlock.click(guarded(texts, do_unlock), keys, outputs, **private)
    add.click(guarded(texts, do_add), [*keys, key_name], outputs, **private)
    drop.click(guarded(texts, do_drop), [*keys, key_list], outputs, **private)
    withdraw.click(lambda: gr.Column(visible=True), None, sure, **quiet())
    no.click(lambda: gr.Column(visible=False), None, sure, **quiet())
    yes.click(guarded(texts, do_withdraw), keys, outputs, **private)
    return published
