"""What the routes are, as OpenAPI for programs and as a page for people; both are made here, without a network."""

from __future__ import annotations

import json
import re
from html import escape
from importlib import metadata
from typing import Any

from sft_keras.catalogues import Catalogue, Catalogues
from sft_keras.services.space.public import MOST_COMPARED
from sft_keras.settings import Settings

catalogue = Catalogues("sft_keras.rest", "page")
STATUSES = (400, 401, 403, 404, 410, 413, 422, 429, 503)
EXAMPLE = {"texts": ["A wonderful film.", "太无聊了。"], "probabilities": True}
ANSWER = {
    "model": "ID",
    "predictions": [
        {"label": "positive", "confidence": 0.97, "probabilities": {"positive": 0.97, "negative": 0.03}},
        {"label": "negative", "confidence": 0.88, "probabilities": {"positive": 0.12, "negative": 0.88}},
    ],
}


def description(root: str, settings: Settings, language: str = "en") -> dict[str, Any]:
    """The routes in OpenAPI 3.1.

    Args:
        root: Where the app lies behind a proxy.
        settings: Give the limits.
        language: The language of the descriptions.
    """
    say = catalogue(language)
    link = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}, "description": say("link")}
    ticket = {**link, "name": "ticket", "description": say("ticket")}
    limits = {"texts": settings.max_request_texts, "characters": f"{settings.max_request_characters:,}"}
    request = {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Request"}, "example": EXAMPLE}},
    }
    predict = {
        "summary": say("predict"),
        "description": f"{say('predict_limits', **limits)} {say('predict_examples', most=MOST_COMPARED)}",
        "parameters": [link],
        "requestBody": request,
        "responses": {"200": _json("Predictions", ANSWER), **_refusals(say, STATUSES)},
        "security": [{"key": []}, {"header_key": []}, {"password": []}, {}],
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "sft-keras", "version": metadata.version("sft-keras"), "description": say("about")},
        "servers": [{"url": root or "/"}],
        "paths": {
            "/api/v1/models/{id}/predict": {"post": predict},
            "/api/v1/models/{id}": {
                "get": {
                    "summary": say("model"),
                    "description": say("model_locked"),
                    "parameters": [link],
                    "responses": {"200": _json("Model"), **_refusals(say, (401, 403, 404, 410, 429))},
                    "security": [{"key": []}, {"header_key": []}, {"password": []}, {}],
                }
            },
            "/api/v1/downloads/{ticket}": {
                "get": {
                    "summary": say("download"),
                    "parameters": [ticket],
                    "responses": {"200": {"description": say("file")}, **_refusals(say, (403, 404, 410))},
                }
            },
            "/healthz": {"get": {"summary": say("health"), "responses": {"200": {"description": "OK"}}}},
        },
        "components": {"schemas": _schemas(settings), "securitySchemes": _security()},
    }


def docs_page(root: str, accepted: str, settings: Settings) -> str:
    """The page for people, in the language of their browser.

    Args:
        root: Where the app lies behind a proxy.
        accepted: The header `Accept-Language`.
        settings: Give the limits.
    """
    language = "zh" if re.match(r"\s*zh\b", accepted, re.IGNORECASE) else "en"
    say = catalogue(language)
    told = description(root, settings, language)
    sections = []
    for path, methods in told["paths"].items():
        for method, route in methods.items():
            rows = "".join(
                f"<tr><td><code>{escape(status)}</code></td><td>{escape(given['description'])}</td></tr>"
                for status, given in route["responses"].items()
            )
            examples = (
                f"<pre>{escape(_curl(root))}</pre><pre>{escape(_pretty(ANSWER))}</pre>" if method == "post" else ""
            )
            sections.append(
                f"<section><h2><code>{method.upper()} {escape(path)}</code></h2><p>{escape(route['summary'])}</p>"
                f"<p>{escape(route.get('description', ''))}</p>{examples}<table>{rows}</table></section>"
            )
    return _PAGE.format(
        language="zh-Hans" if language == "zh" else "en",
        title=escape(say("title")),
        about=escape(say("about")),
        access=escape(say("access")),
        openapi=escape(say("openapi")),
        sections="\n".join(sections),
    )


def _refusals(say: Catalogue, statuses: tuple[int, ...]) -> dict[str, Any]:
    return {str(status): _json("Error", told=say(f"status_{status}")) for status in statuses}


def _json(schema: str, example: Any = None, told: str = "OK") -> dict[str, Any]:
    content: dict[str, Any] = {"schema": {"$ref": f"#/components/schemas/{schema}"}}
    if example is not None:
        content["example"] = example
    return {"description": told, "content": {"application/json": content}}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def _schemas(settings: Settings) -> dict[str, Any]:
    text, number, boolean = {"type": "string"}, {"type": "number", "minimum": 0, "maximum": 1}, {"type": "boolean"}
    texts = {"type": "array", "items": text, "minItems": 1, "maxItems": settings.max_request_texts}
    by_label = {"type": "object", "additionalProperties": number}
    cosine = {"type": "number", "minimum": -1, "maximum": 1}
    example = _object(label=text, similarity=cosine, text=text, times={"type": "integer", "minimum": 1})
    examples = {"type": "array", "items": example}
    prediction = _object(label=text, confidence=number, probabilities=by_label, examples=examples)
    request = _object(texts=texts, probabilities={**boolean, "default": False}, examples={**boolean, "default": False})
    labels = {"type": "array", "items": text}
    model = _object(
        id=text, title=text, labels=labels, needs_password=boolean, needs_key=boolean, shows_examples=boolean, card=text
    )
    return {
        "Request": {**request, "required": ["texts"], "additionalProperties": False},
        "Predictions": _object(model=text, predictions={"type": "array", "items": prediction}),
        "Model": model,
        "Error": _object(error=_object(problem=text, where=text, fix=text)),
    }


def _security() -> dict[str, Any]:
    return {
        "key": {"type": "http", "scheme": "bearer"},
        "header_key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        "password": {"type": "apiKey", "in": "header", "name": "X-Model-Password"},
    }


def _curl(root: str) -> str:
    return (
        f"curl -X POST https://HOST{root}/api/v1/models/ID/predict \\\n"
        "  -H 'Authorization: Bearer KEY' -H 'Content-Type: application/json' \\\n"
        f"  -d '{json.dumps(EXAMPLE, ensure_ascii=False)}'"
    )


def _pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


_PAGE = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 16px/1.6 system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif;
  max-width: 56rem; margin: 0 auto; padding: 2rem 1rem }}
h2 {{ font-size: 1.05rem; margin-top: 2.5rem }}
pre {{ overflow-x: auto; padding: .8rem 1rem; border: 1px solid #8886; border-radius: .5rem; font-size: .85rem }}
td {{ padding: .15rem 1rem .15rem 0; vertical-align: top }}
</style></head>
<body><main><h1>{title}</h1><p>{about}</p><p>{access}</p><p><a href="openapi.json">{openapi}</a></p>
{sections}
</main></body></html>
"""
