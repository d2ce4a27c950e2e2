"""What the routes say of themselves is true, in every language, and needs no network."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sft_keras.rest import routes
from sft_keras.rest.description import catalogue


def places(sentence: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", sentence))


def test_every_language_has_the_same_keys_and_places():
    english, chinese = catalogue("en").sentences, catalogue("zh").sentences
    assert catalogue.languages == ("en", "zh")
    assert {key: places(text) for key, text in english.items()} == {key: places(text) for key, text in chinese.items()}


def test_openapi_names_these_routes_only(client):
    told = client.get("/api/v1/openapi.json").json()
    assert set(told["paths"]) == {
        "/healthz",
        "/api/v1/models/{id}",
        "/api/v1/models/{id}/predict",
        "/api/v1/downloads/{ticket}",
    }
    assert told["openapi"].startswith("3.1")
    named = set(re.findall(r"#/components/schemas/(\w+)", str(told)))
    assert named == set(told["components"]["schemas"])


def test_the_example_of_the_description_works(client, link):
    told = client.get("/api/v1/openapi.json").json()
    content = told["paths"]["/api/v1/models/{id}/predict"]["post"]["requestBody"]["content"]["application/json"]
    answer = client.post(f"/api/v1/models/{link}/predict", json=content["example"])
    assert answer.status_code == 200
    expected = told["components"]["schemas"]
    assert set(answer.json()) == set(expected["Predictions"]["properties"])
    items = expected["Predictions"]["properties"]["predictions"]["items"]["properties"]
    # Training examples are told only where the owner of the link shares them.
    assert {*answer.json()["predictions"][0], "examples"} == set(items)
    assert set(client.get(f"/api/v1/models/{link}").json()) == set(expected["Model"]["properties"])
    assert set(client.get("/api/v1/models/x").json()["error"]) == set(
        expected["Error"]["properties"]["error"]["properties"]
    )


@pytest.mark.parametrize(
    ("language", "title"), [("zh-CN,zh;q=0.9", "程序调用接口"), ("en", "Predictions for programs")]
)
def test_the_page_loads_nothing_from_elsewhere(client, language, title):
    page = client.get("/api/v1/docs", headers={"Accept-Language": language})
    assert f"<h1>{title}</h1>" in page.text
    assert not re.search(r"<script|src=|@import|<link", page.text)
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "/api/v1/models/{id}/predict" in page.text


def test_the_manual_is_true(client, services, owner, run, link, monkeypatch):
    """The Python example is run, and all routes and statuses are named."""
    manual = (Path(routes.__file__).parents[2] / "docs" / "rest.md").read_text(encoding="utf-8")
    told = client.get("/api/v1/openapi.json").json()
    assert all(f"`{method.upper()} {path}`" in manual for path, ways in told["paths"].items() for method in ways)
    statuses = told["paths"]["/api/v1/models/{id}/predict"]["post"]["responses"]
    assert all(f"| {status} |" in manual for status in statuses if status != "200")
    example = re.search(r"```python\n(.*?)```", manual, re.DOTALL)[1]
    key = owner.new_api_key(run, "manual")
    import urllib.request

    def opened(request):
        answer = client.post(
            request.full_url.removeprefix("https://models.example"), content=request.data, headers=request.headers
        )
        assert answer.status_code == 200
        import io

        return io.BytesIO(answer.content)

    monkeypatch.setattr(urllib.request, "urlopen", opened)
    printed = []
    values = {"print": lambda *words: printed.append(words)}
    exec(example.replace("ID", link).replace("KEY", key), values)  # noqa: S102 - our own manual
    assert printed == [("好", 0.75)]
