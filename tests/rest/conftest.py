"""The routes on an app that has a route for everything, as Gradio's may."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from sft_keras.rest import add_routes
from sft_keras.services import Services, Space
from sft_keras.services.space.base import new_key
from sft_keras.settings import Settings
from tests.services.conftest import fake_run, with_fake_models


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return with_fake_models(Settings(data_dir=tmp_path / "data", max_request_texts=3, max_request_characters=100))


@pytest.fixture
def client(services: Services) -> Iterator[TestClient]:
    app = FastAPI()

    @app.api_route("/{anything:path}", methods=["GET", "POST"])
    def catch_all(anything: str) -> str:
        return "the app's own page"

    add_routes(app, services)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def owner(services: Services) -> Space:
    return services.space(new_key())


@pytest.fixture
def run(owner: Space) -> str:
    return fake_run(owner)


@pytest.fixture
def link(owner: Space, run: str) -> str:
    return owner.publish(run).id
