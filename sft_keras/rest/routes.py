"""The routes themselves."""

from __future__ import annotations

from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from sft_keras.errors import LinkError, did_you_mean
from sft_keras.rest.answers import CORS, PREFLIGHT, SAFE, answer, guarded, read_object
from sft_keras.rest.description import description, docs_page

if TYPE_CHECKING:
    from fastapi import FastAPI

    from sft_keras.services import Services

PREFIX = "/api/v1"
FIELDS = ("texts", "probabilities", "examples")
MEDIA_TYPES = {
    ".zip": "application/zip",
    ".onnx": "application/octet-stream",
    ".html": "text/html; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".tsv": "text/tab-separated-values; charset=utf-8",
    ".jsonl": "application/jsonl; charset=utf-8",
    ".json": "application/json",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def add_routes(app: FastAPI, services: Services) -> None:
    """Puts the routes before all others, since the app may have some that catch everything.

    Args:
        app: The app, also that which Gradio's `launch` returns.
        services: All use cases.
    """

    async def predict(request: Request) -> Response:
        # A character takes at most twelve bytes, where JSON escapes each half of it.
        most = 12 * services.settings.max_request_characters + 64 * 1024
        link, access = request.path_params["id"], _access(request)
        body = await read_object(request, most)
        texts, probabilities, examples = _fields(body)

        def work() -> list[dict[str, Any]]:
            if examples:
                found, alike = services.links.predict_with_examples(link, texts, program=True, **access)
            else:
                found, alike = services.links.predict(link, texts, program=True, **access), []
            return [
                {
                    "label": each.label,
                    "confidence": round(each.confidence, 6),
                    **({"probabilities": each.probabilities} if probabilities else {}),
                    **({"examples": [asdict(one) for one in alike[number].found]} if examples else {}),
                }
                for number, each in enumerate(found)
            ]

        return answer({"model": link, "predictions": await run_in_threadpool(work)}, headers=CORS)

    async def model(request: Request) -> Response:
        found = await run_in_threadpool(services.links.model, request.path_params["id"], **_access(request))
        told = {
            "id": found.id,
            "title": found.title,
            "labels": list(found.labels),
            "needs_password": found.needs_password,
            "needs_key": found.needs_key,
            "shows_examples": found.shows_examples,
            "card": found.card,
        }
        return answer(told, headers=CORS)

    async def download(request: Request) -> Response:
        file, name = await run_in_threadpool(services.tickets.open, request.path_params["ticket"])
        return _file(file, name)

    async def health(request: Request) -> Response:
        del request
        return answer({"status": "ok", "version": metadata.version("sft-keras")})

    async def openapi(request: Request) -> Response:
        return answer(description(_root(request), services.settings), headers=CORS)

    async def docs(request: Request) -> Response:
        page = docs_page(_root(request), request.headers.get("accept-language", ""), services.settings)
        policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; base-uri 'none'"
        return HTMLResponse(page, headers={**SAFE, "Content-Security-Policy": policy})

    async def preflight(request: Request) -> Response:
        del request
        return Response(status_code=204, headers=PREFLIGHT)

    async def nothing(request: Request) -> Response:
        raise LinkError(
            "There is nothing at this address, or not with this method.",
            status=404,
            where=f"{request.method} {request.url.path[:100]}",
            fix=f"See {PREFIX}/docs.",
        )

    everything = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    routes = [
        Route("/healthz", guarded(health), methods=["GET"]),
        Route(f"{PREFIX}/models/{{id}}/predict", guarded(predict), methods=["POST"]),
        Route(f"{PREFIX}/models/{{id}}/predict", preflight, methods=["OPTIONS"]),
        Route(f"{PREFIX}/models/{{id}}", guarded(model), methods=["GET"]),
        Route(f"{PREFIX}/models/{{id}}", preflight, methods=["OPTIONS"]),
        Route(f"{PREFIX}/downloads/{{ticket}}", guarded(download), methods=["GET"]),
        Route(f"{PREFIX}/openapi.json", guarded(openapi), methods=["GET"]),
        Route(f"{PREFIX}/docs", guarded(docs), methods=["GET"]),
        Route("/api/v1/{rest:path}", guarded(nothing), methods=everything),
    ]
    app.router.routes[:0] = routes


def _access(request: Request) -> dict[str, str]:
    """The key, the password and the address of a visitor."""
    kind, _, key = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer":
        key = request.headers.get("x-api-key", "")
    return {
        "key": key.strip(),
        "password": _utf8(request.headers.get("x-model-password", "")),
        "client": request.client.host if request.client else "",
    }


def _utf8(header: str) -> str:
    """A header as UTF-8, which clients send although the protocol means Latin-1."""
    try:
        return header.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return header


def _fields(body: dict[str, Any]) -> tuple[list[str], bool, bool]:
    """The texts, and whether all probabilities and similar training examples are wanted.

    Raises:
        LinkError: A field is missing, unknown or of another type.
    """
    for name in body:
        if name not in FIELDS:
            raise LinkError(
                f'There is no field "{name[:40]}".', status=422, where="body", fix=did_you_mean(name, FIELDS)
            )
    texts = body.get("texts")
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise LinkError("texts must be a list of strings.", status=422, where="texts", fix='Send ["a text"].')
    wanted = {name: body.get(name, False) for name in ("probabilities", "examples")}
    for name, value in wanted.items():
        if not isinstance(value, bool):
            raise LinkError(f"{name} must be true or false.", status=422, where=name, fix="Send true.")
    return texts, wanted["probabilities"], wanted["examples"]


def _file(file: Path, name: str) -> Response:
    headers = {**SAFE, "Cache-Control": "private, no-store", "Content-Security-Policy": "sandbox; default-src 'none'"}
    media = MEDIA_TYPES.get(Path(name).suffix.lower(), "application/octet-stream")
    return FileResponse(file, media_type=media, filename=name, headers=headers, content_disposition_type="attachment")


def _root(request: Request) -> str:
    """Where the app lies behind a proxy, such as "" or "/tool"."""
    return str(request.scope.get("root_path", "")).rstrip("/")
