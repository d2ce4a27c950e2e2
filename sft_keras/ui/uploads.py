"""Keeps what visitors upload within the space that there is for it."""

from __future__ import annotations

from anyio.to_thread import run_sync
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sft_keras.errors import DataError
from sft_keras.services.uploads import Uploads
from sft_keras.services.wording import told
from sft_keras.ui.texts import preferred

_UPLOAD = "/gradio_api/upload"
# Takes files, too, and works on them with ffmpeg; no page of the app records anything.
_CLOSED = "/gradio_api/process_recording"
# After so many bytes of an upload, it is looked again, since others come at the same time.
LOOK_BYTES = 8 * 1024 * 1024


class UploadLimit:
    """Refuses uploads that do not fit, before they are read, and ends those that no longer do.

    Args:
        app: What answers the other requests.
        uploads: The folder in which Gradio puts uploads.
    """

    def __init__(self, app: ASGIApp, uploads: Uploads) -> None:
        self._app = app
        self._uploads = uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        path = scope["path"].rstrip("/") if scope["type"] == "http" else ""
        if path.endswith(_CLOSED):
            await Response(status_code=404)(scope, receive, send)
        elif path.endswith(_UPLOAD) and scope["method"] == "POST":
            await self._upload(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _upload(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        language = preferred(headers.get("accept-language", ""))
        declared = headers.get("content-length", "")
        size = int(declared[:18]) if declared.isascii() and declared.isdigit() else 0
        try:
            await run_sync(self._uploads.require_room, size)
        except DataError as error:
            await PlainTextResponse(_sentence(error, language), 507)(scope, receive, send)
            return
        unseen = 0

        async def watched() -> Message:
            nonlocal unseen
            message = await receive()
            unseen += len(message.get("body", b""))
            if unseen > LOOK_BYTES:
                unseen = 0
                try:
                    await run_sync(self._uploads.require_room)
                except DataError as error:
                    # That with which Gradio ends an upload of its own accord, and deletes what came of it.
                    raise MultiPartException(_sentence(error, language)) from None
            return message

        await self._app(scope, watched, send)


def _sentence(error: DataError, language: str) -> str:
    found = told(error, language)
    return f"{found.problem}{'' if language == 'zh' else ' '}{found.fix}"
