"""Nobody is told where things lie on the server."""

from __future__ import annotations

from pathlib import Path

import pytest

from sft_keras.artifacts.bundle import read_bundle
from sft_keras.artifacts.further import bundle_named
from sft_keras.errors import ConfigError, DataError, LinkError
from sft_keras.modeling.backbones.base import resolve_backbone
from sft_keras.places import HIDDEN, given_path, reworded, told_as


def test_errors_name_the_file_of_the_person(tmp_path: Path) -> None:
    place = tmp_path / "original.csv"
    with pytest.raises(DataError) as error, told_as(place, "我的.csv", SFT_MAX_FILE_MIB="SFT_MAX_UPLOAD_MIB"):
        raise DataError(f"bad {place}", where=f"{place}, row 5", fix="See original.csv and SFT_MAX_FILE_MIB.")
    told = (error.value.problem, error.value.where, error.value.fix)
    assert told == ("bad 我的.csv", "我的.csv, row 5", "See 我的.csv and SFT_MAX_UPLOAD_MIB.")


def test_an_error_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(LinkError) as error, told_as(tmp_path / "a", "b"):
        raise LinkError(f"{tmp_path / 'a'}", status=410)
    assert (error.value.problem, error.value.status) == ("b", 410)


def test_a_name_is_not_looked_through_for_another() -> None:
    assert reworded("/x/data.csv, data.csv", {"/x/data.csv": "my data.csv", "data.csv": "my data.csv"}) == (
        "my data.csv, my data.csv"
    )


def test_of_places_in_each_other_the_inner_one_counts() -> None:
    hidden = dict.fromkeys(("/srv", "/srv/owner/run", "/srv/owner"), HIDDEN)
    assert reworded("/srv/owner/run/log.txt in /srv/owner/x and /srv/y", hidden) == "…/log.txt in …/x and …/y"


def test_names_that_no_path_can_have_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each ended in a traceback, on the command line and as the name of a backbone."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert given_path("~/a.csv", "data") == tmp_path / "a.csv"
    assert given_path("~nobody-of-that-name/a.csv", "data") == Path("~nobody-of-that-name/a.csv")
    with pytest.raises(ConfigError, match="can be looked at") as error:
        given_path("x" * 300, "data")
    assert error.value.where == "data"

    for name in ("x" * 300, "~nobody-of-that-name/model"):
        with pytest.raises(ConfigError):
            resolve_backbone(name)
    with pytest.raises(ConfigError):
        bundle_named("x" * 300)
    assert bundle_named("~nobody-of-that-name/model") is None
    with pytest.raises(ConfigError):
        read_bundle(Path("x" * 300))
