"""The index of links: fast, and lost without loss."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from sft_keras.runs.store import Index
from sft_keras.settings import Settings


def add_link(settings: Settings, owner: str, run: str, link: str) -> Path:
    folder = settings.owners_dir / owner / "runs" / run
    folder.mkdir(parents=True)
    (folder / "link.json").write_text(json.dumps({"id": link}), encoding="utf-8")
    return folder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


def test_a_link_leads_to_its_run_until_the_folder_says_otherwise(settings: Settings) -> None:
    index = Index(settings)
    assert index.find("nothing") is None
    folder = add_link(settings, "a", "r1", "link-1")
    index.put("link-1", folder)
    index.put("link-1", folder)
    assert Index(settings).find("link-1") == folder
    (folder / "link.json").unlink()
    assert index.find("link-1") is None
    index.remove("link-1")
    index.remove("link-1")


@pytest.mark.parametrize("damage", [b"", b"rubbish" * 1000, None])
def test_a_lost_or_damaged_index_is_made_again(settings: Settings, damage: bytes | None) -> None:
    index = Index(settings)
    folders = {f"link-{i}": add_link(settings, f"owner{i % 2}", f"run{i}", f"link-{i}") for i in range(4)}
    assert index.rebuild() == 4
    for ending in ("-wal", "-shm"):
        Path(f"{settings.index_file}{ending}").unlink(missing_ok=True)
    if damage is None:
        settings.index_file.unlink()
    else:
        settings.index_file.write_bytes(damage)
    (folders["link-3"] / "link.json").write_text("[", encoding="utf-8")
    assert index.find("link-2") == folders["link-2"]
    assert index.find("link-3") is None


def test_many_at_once(settings: Settings) -> None:
    folders = {f"link-{i}": add_link(settings, "a", f"run{i}", f"link-{i}") for i in range(8)}
    failed: list[BaseException] = []

    def put(link: str, folder: Path) -> None:
        try:
            Index(settings).put(link, folder)
        except BaseException as error:  # a thread's failure must fail the test
            failed.append(error)

    threads = [threading.Thread(target=put, args=item) for item in folders.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert all(Index(settings).find(link) == folder for link, folder in folders.items())
