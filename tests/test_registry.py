"""Plug-ins are found by file name and imported only when asked for."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sft_keras.errors import ConfigError
from sft_keras.registry import Registry, plugin_names


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package with two plug-ins, one of which cannot be imported."""
    folder = tmp_path / "made_up_plugins"
    folder.mkdir()
    for name in ("__init__", "base", "_private"):
        (folder / f"{name}.py").write_text("")
    (folder / "good.py").write_text("from made_up_registry import THINGS\nTHINGS.add('good', 1)\n")
    (folder / "silent.py").write_text("")
    (tmp_path / "made_up_registry.py").write_text(
        "from sft_keras.registry import Registry\nTHINGS = Registry('thing', 'made_up_plugins')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "made_up_plugins"
    for name in [name for name in sys.modules if name.startswith("made_up_")]:
        del sys.modules[name]


def test_names_import_nothing(package: str) -> None:
    assert plugin_names(package) == ("good", "silent")
    assert f"{package}.good" not in sys.modules
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        plugin_names("no_such_package")


def test_get_imports_on_first_use(package: str) -> None:
    from made_up_registry import THINGS  # type: ignore[import-not-found]

    assert THINGS.names() == ("good", "silent")
    assert THINGS.get("good") == 1
    with pytest.raises(ConfigError, match="no thing"):
        THINGS.get("silent")


def test_unknown_name_suggests_the_nearest(package: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Registry[int]("thing", package).get("goood")
    assert caught.value.problem == 'There is no thing "goood".'
    assert 'Did you mean "good"?' in caught.value.fix


def test_duplicate_name(package: str) -> None:
    registry = Registry[object]("thing", package)

    @registry.register("mine")
    def mine() -> None: ...

    assert registry.get("mine") is mine
    assert "mine" in registry.names()
    with pytest.raises(ConfigError, match="under one name"):
        registry.add("mine", 2)
