"""Takes away from Gradio that anybody can make the server fetch an address.

A file may reach a handler as `{"path": "https://…"}`, which Gradio downloads whole before the handler is asked, without
a limit; and `/gradio_api/file=https://…` passes on what lies there. The app needs neither.
"""

from __future__ import annotations

from typing import Any, NoReturn

import gradio as gr
from fastapi import HTTPException
from gradio import processing_utils, route_utils, routes, static_server

# What fetches in `gradio.processing_utils`; the other modules of Gradio call it there, by its name.
_FETCHING = ("ssrf_protected_download", "save_url_to_cache", "unsafe_download")
_FETCHING_LATER = ("async_ssrf_protected_download", "async_ssrf_protected_get")
_WHY = "A file has to be uploaded; this server fetches no address."


def forbid_downloads() -> None:
    """Replaces everything in Gradio that fetches what a visitor names.

    Raises:
        AttributeError: This version of Gradio calls it otherwise, so that it would go on.
    """
    for name in _FETCHING:
        _replace(processing_utils, name, _refuse)
    for name in _FETCHING_LATER:
        _replace(processing_utils, name, _refuse_later)
    # These took the function by its name.
    for module in (route_utils, routes, static_server):
        _replace(module, "secure_url_stream_response", _refuse_address)


def _replace(module: Any, name: str, by: Any) -> None:
    getattr(module, name)
    setattr(module, name, by)


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise gr.Error(_WHY, print_exception=False)


async def _refuse_later(*_: Any, **__: Any) -> NoReturn:
    _refuse()


async def _refuse_address(*_: Any, **__: Any) -> NoReturn:
    raise HTTPException(status_code=403, detail=_WHY)
