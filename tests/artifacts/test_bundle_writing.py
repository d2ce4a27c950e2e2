"""Bundles are replaced whole: a full disk or any other failure leaves the old one and no half."""

from __future__ import annotations

import os
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sft_keras.artifacts.bundle import Bundle, read_bundle, write_bundle
from sft_keras.artifacts.loading import load_model
from sft_keras.errors import ArtifactError
from sft_keras.preprocessing.tokenizer import TextTokenizer
from sft_keras.runs.directory import RunDirectory


@contextmanager
def full_disk(free: int) -> Iterator[None]:
    """No file may grow beyond `free` bytes: every writer fails as on a full disk, whatever language it is in."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (free, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def rewrite(bundle: Bundle, folder: Path, **changes: Any) -> None:
    """Writes a bundle anew from what another holds."""
    model, tokenizer = load_model(bundle), TextTokenizer.from_file(bundle.folder / "tokenizer.json")
    parts: dict[str, Any] = {
        "save_model": model.save,
        "save_tokenizer": tokenizer.save,
        "save_preset": None,
        "labels": bundle.labels,
        "config": bundle.config,
        "report": lambda _exports: bundle.report,
        "card": lambda _exports: "# A card\n",
        "information": {"backbone": "lstm"},
    }
    write_bundle(folder, **{**parts, **changes})


def test_a_bundle_that_was_moved_away_behind_a_link_is_not_touched(copied_run: RunDirectory, tmp_path: Path) -> None:
    elsewhere = tmp_path / "big disk"
    copied_run.bundle.rename(elsewhere)
    copied_run.bundle.symlink_to(elsewhere)
    bundle, before = read_bundle(copied_run.bundle), contents(elsewhere)
    rewrite(bundle, copied_run.bundle, report=lambda _exports: None)
    assert contents(elsewhere) == before
    assert read_bundle(copied_run.bundle).report is None
    assert not list(copied_run.path.glob(".*"))


@pytest.mark.parametrize("free", [0, 600, 4_000, 12_000, 30_000])
def test_a_full_disk_leaves_the_old_bundle_and_no_half(copied_run: RunDirectory, free: int) -> None:
    bundle, before = read_bundle(copied_run.bundle), contents(copied_run.bundle)
    with full_disk(free), pytest.raises(ArtifactError, match="could not be written") as caught:
        rewrite(bundle, copied_run.bundle)
    assert "resume" in caught.value.fix
    assert contents(copied_run.bundle) == before
    assert not list(copied_run.path.glob(".*"))


def test_a_disk_that_is_full_for_the_tokenizer_only(copied_run: RunDirectory) -> None:
    bundle, before = read_bundle(copied_run.bundle), contents(copied_run.bundle)
    with full_disk(900), pytest.raises(ArtifactError, match="could not be written: File too large"):
        rewrite(bundle, copied_run.bundle, save_model=lambda path: path.write_bytes(b"small"))
    assert contents(copied_run.bundle) == before
    assert not list(copied_run.path.glob(".*"))


def test_a_disk_with_too_little_space_for_the_preset(copied_run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """HDF5 ends the process with a segmentation fault when the disk fills up under it, so it must not come to that."""
    bundle, before = read_bundle(copied_run.bundle), contents(copied_run.bundle)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(ArtifactError, match="could not be written: No space left on device"):
        rewrite(bundle, copied_run.bundle, save_preset=lambda _: pytest.fail("it was written"))
    assert contents(copied_run.bundle) == before


def test_any_failure_leaves_the_old_bundle_and_no_half(copied_run: RunDirectory) -> None:
    bundle, before = read_bundle(copied_run.bundle), contents(copied_run.bundle)

    def broken(path: Path) -> None:
        path.write_bytes(b"half")
        raise RuntimeError("unforeseen")

    with pytest.raises(RuntimeError):
        rewrite(bundle, copied_run.bundle, save_model=broken)
    assert contents(copied_run.bundle) == before
    assert not list(copied_run.path.glob(".*"))


def test_a_rename_that_fails_puts_the_old_bundle_back(
    copied_run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle, before, rename = read_bundle(copied_run.bundle), contents(copied_run.bundle), os.replace

    def failing(source: Path, target: Path) -> None:
        if Path(source).name.endswith(".part"):
            raise OSError(28, "No space left on device")
        rename(source, target)

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(ArtifactError, match="No space left"):
        rewrite(bundle, copied_run.bundle)
    assert contents(copied_run.bundle) == before


def test_a_bundle_is_replaced_whole(copied_run: RunDirectory) -> None:
    bundle = read_bundle(copied_run.bundle)
    (copied_run.bundle / "of the old one").write_text("x", encoding="utf-8")
    rewrite(bundle, copied_run.bundle, report=lambda _exports: None)
    replaced = read_bundle(copied_run.bundle)
    assert replaced.report is None
    assert not (copied_run.bundle / "of the old one").exists()
    assert not (copied_run.bundle / "report.json").exists()
