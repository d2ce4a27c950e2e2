"""Which backend Keras is loaded with, and what is said of one that cannot be used."""

from __future__ import annotations

import importlib.util
import sys
from types import SimpleNamespace

import keras
import pytest

from sft_keras.backend import BACKENDS, backend_name, on_processor
from sft_keras.errors import ConfigError
from sft_keras.runs.results import versions


@pytest.fixture
def unloaded(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """As if Keras had not been imported yet."""
    monkeypatch.delitem(sys.modules, "keras")
    return monkeypatch


def test_what_is_loaded_counts_more_than_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "other")
    assert backend_name() == keras.config.backend()


def test_the_environment_chooses(unloaded: pytest.MonkeyPatch) -> None:
    unloaded.setattr(importlib.util, "find_spec", lambda name: name)
    unloaded.setenv("KERAS_BACKEND", "jax")
    assert backend_name() == "jax"
    unloaded.setenv("KERAS_BACKEND", "")
    assert backend_name() == "tensorflow"
    unloaded.delenv("KERAS_BACKEND")
    assert backend_name() == "tensorflow"


def test_a_backend_that_is_none_is_named_with_the_nearest(unloaded: pytest.MonkeyPatch) -> None:
    unloaded.setenv("KERAS_BACKEND", "Tensorflow")
    with pytest.raises(ConfigError) as caught:
        backend_name()
    assert '"Tensorflow"' in caught.value.problem
    assert caught.value.where == "environment variable KERAS_BACKEND"
    assert 'Did you mean "tensorflow"?' in caught.value.fix


def test_a_backend_that_is_not_installed_names_one_that_is(unloaded: pytest.MonkeyPatch) -> None:
    unloaded.setattr(importlib.util, "find_spec", lambda name: name if name == "jax" else None)
    unloaded.setenv("KERAS_BACKEND", "torch")
    with pytest.raises(ConfigError) as caught:
        backend_name()
    assert "not installed" in caught.value.problem
    assert "pip install torch, or set KERAS_BACKEND=jax" in caught.value.fix


def test_the_versions_tell_the_backend() -> None:
    used = keras.config.backend()
    assert used in versions()
    assert not (set(BACKENDS) - {used}) & set(versions())


@pytest.mark.parametrize(("devices", "expected"), [(["CPU:0"], True), (["cpu:0", "gpu:0"], False)])
def test_whether_there_is_an_accelerator(monkeypatch: pytest.MonkeyPatch, devices: list[str], expected: bool) -> None:
    found = SimpleNamespace(is_available=lambda: not expected)
    if keras.config.backend() == "torch":
        monkeypatch.setattr("torch.accelerator", found)
    else:
        monkeypatch.setattr(keras.distribution, "list_devices", lambda: devices)
    assert on_processor() is expected
    monkeypatch.setattr(keras.config, "backend", lambda: "torch")
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(accelerator=found))
    assert on_processor() is expected
