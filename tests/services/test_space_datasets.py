"""Datasets of an owner: what is kept of an upload, and what is refused."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from sft_keras.errors import ArtifactError, DataError, SftError
from sft_keras.services import Services, Space
from sft_keras.services.space.base import new_key
from sft_keras.settings import MIB, Settings
from tests.conftest import sentences


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return Services(Settings(data_dir=tmp_path / "data", max_upload_mib=1, max_datasets=3))


@pytest.fixture
def space(services: Services) -> Space:
    return services.space(new_key())


def everything(space: Space) -> list[str]:
    return sorted(p.name for p in space.folder.rglob("*") if p.is_file() and p.name != ".lock")


def test_an_upload_is_copied_and_listed(space, labelled):
    info = space.add_upload(labelled, "我的评论.csv")
    labelled_copy = space.fixed_file(info.id)
    assert labelled_copy.read_bytes() == labelled.read_bytes()
    assert labelled_copy.name == "original.csv"
    assert space.datasets() == [info]
    assert space.dataset(info.id) == info
    assert (info.name, info.source, info.fixes) == ("我的评论.csv", "upload", ())


def test_it_is_there_after_a_restart_and_gone_after_deleting(space, services, labelled):
    info = space.add_upload(labelled, "a.csv")
    again = Services(services.settings)
    owner = Space(again, "x" * 40)
    assert owner.datasets() == []
    owner.owner_id = space.owner_id
    assert owner.datasets() == [info]
    owner.delete_dataset(info.id)
    assert space.datasets() == []
    assert everything(space) == []
    with pytest.raises(ArtifactError):
        space.dataset(info.id)


NAMES = [
    "../../etc/passwd",
    "/etc/passwd",
    "a\x00b.csv",
    "..",
    "",
    "x" * 5000 + ".csv",
    "C:\\a\\b.csv",
    "%2e%2e%2fa.py",
]


@pytest.mark.parametrize("name", [*NAMES, "\ud800.csv", "<img src=x>.html"])
def test_a_name_is_only_a_label(space, labelled, name):
    info = space.add_upload(labelled, name)
    assert len(info.name) <= 121
    assert not set(info.name) & set("/\\\x00")
    assert info.name not in ("..", ".", "")
    files = everything(space)
    assert files in (["dataset.json", "original"], ["dataset.json", "original.csv"])
    assert space.inspect(info.id).usable_rows == 120


def test_another_owner_has_no_such_dataset(services, space, labelled):
    info = space.add_upload(labelled, "a.csv")
    other = services.space(new_key())
    for wrong in (info.id, f"../../{space.owner_id}/datasets/{info.id}", "../datasets", "", "..", "a\x00b", "x" * 9999):
        for use in (other.dataset, other.inspect, other.fixed_file, other.delete_dataset):
            with pytest.raises(ArtifactError, match="There is no such dataset"):
                use(wrong)
    assert space.dataset(info.id) == info


@pytest.mark.parametrize(
    ("content", "name", "problem"),
    [
        (b"", "a.csv", "empty"),
        (b"%PDF-1.7 ...", "a.csv", "PDF"),
        (b"PK\x03\x04 broken", "a.zip", "damaged"),
        (b"text,label\n", "a.csv", "no rows"),
        (b"only one column\nof text\nin it\n", "a.csv", "a column of labels"),
        (b"x,y\n" * 400_000, "a.csv", "larger than the limit of 1 MiB"),
        (b"\x80\x04\x95abc", "a.pkl", "pickle"),
    ],
)
def test_a_bad_file_is_refused_and_leaves_nothing(space, tmp_path, content, name, problem):
    path = tmp_path / "upload"
    path.write_bytes(content)
    with pytest.raises(DataError, match=problem) as error:
        space.add_upload(path, name)
    assert error.value.where == name
    assert everything(space) == []
    assert [p for p in (space.folder / "datasets").iterdir() if p.is_dir()] == []


def test_a_zip_bomb_is_refused(space, tmp_path):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", b"text,label\n" + b"a,b\n" * 5_000_000)
    assert path.stat().st_size < 100_000
    with pytest.raises(DataError, match="limit of 1 MiB") as error:
        space.add_upload(path, "bomb.zip")
    assert "SFT_MAX_UPLOAD_MIB" in error.value.fix
    assert everything(space) == []


def test_a_zip_of_class_folders_is_read(space, tmp_path):
    path = tmp_path / "classes.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for i, (text, label) in enumerate(sentences(20)):
            archive.writestr(f"{label}/{i}.txt", text)
    info = space.add_upload(path, "classes.zip")
    assert space.inspect(info.id).class_counts == {"bad": 10, "good": 10}


def test_the_limits_of_an_owner(space, services, labelled):
    for _ in range(3):
        space.add_upload(labelled, "a.csv")
    with pytest.raises(DataError, match="3 datasets already"):
        space.add_upload(labelled, "a.csv")
    assert services.space(new_key()).add_upload(labelled, "a.csv")


def test_the_space_of_an_owner_is_limited(tmp_path):
    space = Services(Settings(data_dir=tmp_path / "data", max_owner_mib=1)).space(new_key())
    path = tmp_path / "big.csv"
    path.write_text("text,label\n" + "".join(f"a text of the row {i},{'ab'[i % 2]}\n" for i in range(30_000)))
    space.add_upload(path, "big.csv")
    with pytest.raises(DataError, match="more than 1 MiB"):
        space.add_upload(path, "big.csv")


def test_no_data_are_taken_that_would_fill_the_disk(tmp_path, labelled, monkeypatch):
    """Whoever is a new owner has all limits of an owner anew; the disk has one."""
    services = Services(Settings(data_dir=tmp_path / "data", min_free_mib=100, max_upload_mib=1))
    first = services.space(new_key())
    dataset = first.add_upload(labelled, "a.csv").id
    size = labelled.stat().st_size
    free = 100 * MIB + size
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    assert first.add_upload(labelled, "b.csv")
    free -= 1
    for space in (first, services.space(new_key())):
        with pytest.raises(DataError, match="disk of this server"):
            space.add_upload(labelled, "c.csv")
    with pytest.raises(DataError, match="disk of this server"):
        first.add_part(dataset, "test", labelled, "d.csv")
    assert len(first.datasets()) == 2


def test_a_sample_is_taken_once(space, services, monkeypatch, labelled):

    services.settings.samples_dir.mkdir(parents=True)
    with (services.settings.samples_dir / "tweets.jsonl").open("w") as file:
        file.writelines(json.dumps({"text": text, "label": label}) + "\n" for text, label in sentences(30))
    info = space.add_sample("tweets")
    assert space.add_sample("tweets") == info
    assert len(space.datasets()) == 1
    assert (info.source, space.inspect(info.id).usable_rows) == ("sample", 30)
    with pytest.raises(SftError, match="no sample"):
        space.add_sample("../tweets")


def test_a_full_disk_is_told_and_leaves_nothing(space, labelled, monkeypatch):
    import errno
    import os

    def full(*_args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("sft_keras.spaces.files.os.fsync", full)
    with pytest.raises(SftError, match="No space left"):
        space.add_upload(labelled, "a.csv")
    assert everything(space) == []


def test_a_damaged_dataset_is_left_out_of_the_listing(space, labelled):
    info = space.add_upload(labelled, "a.csv")
    other = space.add_upload(labelled, "b.csv")
    (space.folder / "datasets" / info.id / "dataset.json").write_text("{")
    assert [each.id for each in space.datasets()] == [other.id]
    with pytest.raises(ArtifactError, match="damaged"):
        space.dataset(info.id)
    space.delete_dataset(info.id)


def test_workbooks_are_taken(space, tmp_path):
    from openpyxl import Workbook

    book = Workbook()
    for row in [("text", "label"), *sentences(20)]:
        book.active.append(row)
    stream = io.BytesIO()
    book.save(stream)
    path = tmp_path / "upload"
    path.write_bytes(stream.getvalue())
    info = space.add_upload(path, "评论.xlsx")
    assert space.inspect(info.id).usable_rows == 20
