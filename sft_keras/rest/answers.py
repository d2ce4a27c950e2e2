"""Answers in JSON, and what may be asked how large."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from sft_keras.errors import ArtifactError, DataError, LinkError, OverloadedError, SftError

Handler = Callable[[Request], Awaitable[Response]]
# Any page may ask; no cookie is read or set, so that asking for somebody else is not possible.
CORS = {"Access-Control-Allow-Origin": "*"}
PREFLIGHT = {
    **CORS,
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, X-API-Key, X-Model-Password",
    "Access-Control-Max-Age": "600",
}
SAFE = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
log = logging.getLogger(__name__)


def answer(value: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """JSON in UTF-8; half a character in a label is replaced."""
    body = json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
    return Response(body, status, {**SAFE, "Cache-Control": "no-store", **(headers or {})}, "application/json")


def refusal(error: SftError) -> Response:
    """An error as JSON, with the status that fits."""
    status = _status(error)
    headers = dict(CORS)
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="sft-keras"'
    if isinstance(error, LinkError) and error.retry_after:
        headers["Retry-After"] = str(error.retry_after)
    told = {"problem": error.problem, "where": error.where, "fix": error.fix}
    return answer({"error": told}, status=status, headers=headers)


def guarded(handler: Handler) -> Handler:
    """Tells every error as JSON; a bug tells nothing but that it is one."""

    async def call(request: Request) -> Response:
        try:
            return await handler(request)
        except SftError as error:
            return refusal(error)
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception:
            log.exception("A request failed: %s", request.url.path[:200])
            told = {"problem": "Something went wrong here.", "where": "", "fix": "Try again; tell the owner."}
            return answer({"error": told}, status=500, headers=CORS)

    return call


async def read_object(request: Request, max_bytes: int) -> dict[str, Any]:
    """The JSON object in a request, which is not read further than allowed.

    Raises:
        LinkError: It is too large (413), or no JSON object (400).
    """
    declared = request.headers.get("content-length", "0")
    if declared.isascii() and declared.isdigit() and int(declared[:18]) > max_bytes:
        raise _too_large(max_bytes)
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > max_bytes:
            raise _too_large(max_bytes)
        parts.append(part)
    try:
        value = json.loads(b"".join(parts))
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise LinkError("The body is no JSON object.", status=400, where="body", fix='Send {"texts": ["a text"]}.')
    return value


def _too_large(max_bytes: int) -> LinkError:
    return LinkError(
        f"The body is larger than {max_bytes:,} bytes.", status=413, where="body", fix="Send fewer or shorter texts."
    )


def _status(error: SftError) -> int:
    if isinstance(error, LinkError):
        return error.status
    if isinstance(error, OverloadedError | ArtifactError):
        return 503
    return 422 if isinstance(error, DataError) else 400
