"""Bundles that somebody made with intent: their checksums are right, and what lies behind them is not."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pytest

from sft_keras.artifacts import bundle as bundle_module
from sft_keras.artifacts import model_file, tokenizer_file
from sft_keras.artifacts.bundle import read_bundle
from sft_keras.artifacts.model_file import RefusedModelError, check_model_file
from sft_keras.artifacts.tokenizer_file import RefusedTokenizerError, check_tokenizer_file
from sft_keras.errors import ArtifactError
from sft_keras.runs.directory import RunDirectory
from sft_keras.runs.worker import RunResult
from sft_keras.services import Services
from tests.conftest import rehash

Files = dict[str, bytes]


def edit_model(path: Path, change: Callable[[Files], None], compression: int = zipfile.ZIP_STORED) -> None:
    """Changes the members of a `model.keras`."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def in_config(change: Callable[[dict[str, Any]], None]) -> Callable[[Files], None]:
    """A change of the last layer's description, the dense one with the logits."""

    def edit(files: Files) -> None:
        config = json.loads(files["config.json"])
        change(config["config"]["layers"][-1])
        files["config.json"] = json.dumps(config).encode()

    return edit


def in_weights(change: Callable[[h5py.File], None]) -> Callable[[Files], None]:
    def edit(files: Files) -> None:
        file = io.BytesIO(files["model.weights.h5"])
        with h5py.File(file, "r+") as weights:
            change(weights)
        files["model.weights.h5"] = file.getvalue()

    return edit


def layer(module: str | None, name: str, registered: str | None = None, **config: Any) -> Callable[[Files], None]:
    """Puts another class in the place of the last layer."""
    return in_config(
        lambda dense: dense.update(
            module=module, class_name=name, registered_name=registered, config={**config, "name": "logits"}
        )
    )


def declare_a_huge_table(weights: h5py.File) -> None:
    weights.create_dataset("more", shape=(10**6, 10**6), dtype="float32", chunks=(1000, 1000))


NAMED = "no part of a text classifier"
SPOILT: list[tuple[Callable[[Files], None], str]] = [
    (layer("keras.layers", "Lambda", function="x"), f'"keras.layers.Lambda", which is {NAMED}'),
    (layer("keras.layers", "TFSMLayer", call_endpoint="serve"), NAMED),
    (layer("keras.layers", "TorchModuleWrapper"), NAMED),
    (layer("keras.layers", "StringLookup", vocabulary="words.txt"), NAMED),
    (layer("keras.src.utils.torch_utils", "TorchModuleWrapper"), NAMED),
    (layer("keras.layers", "NoSuchLayer"), NAMED),
    (layer("keras.src.layers.no_such_module", "Dense"), NAMED),
    (layer("os", "system"), NAMED),
    (layer(None, "Dense"), NAMED),
    (layer(None, "__lambda__"), NAMED),
    (layer("keras_hub.src.models.bert.bert_tokenizer", "BertTokenizer", "keras_hub>BertTokenizer"), NAMED),
    (layer("keras.layers", "Dense", "keras_hub>BertTokenizer"), NAMED),
    (layer("sft_keras.runs.worker", "RunResult"), NAMED),
    (layer("builtins", "function"), NAMED),
    (in_config(lambda dense: dense["config"].update(activation={"class_name": "function", "module": "os"})), NAMED),
    (in_config(lambda dense: dense["config"].update(kernel_initializer="/etc/passwd")), "names a file"),
    (in_config(lambda dense: dense["config"].update(name="hf://somebody/something")), "names a file"),
    (in_config(lambda dense: dense["config"].update(units=10**12)), "weights and holds"),
    (lambda files: files.update({"assets/script.py": b"print()"}), "holds other files"),
    (lambda files: files.pop("metadata.json"), "holds other files"),
    (lambda files: files.update({"config.json": b"[" * 100_000}), "cannot be read"),
    (lambda files: files.update({"config.json": b" " * model_file.MOST_CONFIG_BYTES + b"{}"}), "has a description"),
    (lambda files: files.update({"model.weights.h5": b"rubbish"}), "cannot be read"),
    (in_weights(lambda weights: weights.update({"out": h5py.ExternalLink("/etc/hosts", "/")})), "point elsewhere"),
    (in_weights(lambda weights: weights.update({"soft": h5py.SoftLink("/layers")})), "point elsewhere"),
    (in_weights(declare_a_huge_table), "declares weights that it does not hold"),
]


@pytest.mark.parametrize(("change", "told"), SPOILT)
def test_a_model_file_that_names_or_claims_too_much(
    copied_run: RunDirectory, change: Callable[[Files], None], told: str
) -> None:
    path = copied_run.bundle / "model.keras"
    check_model_file(path)
    edit_model(path, change)
    with pytest.raises(RefusedModelError) as caught:
        check_model_file(path)
    assert told in str(caught.value)


def test_a_model_file_that_unpacks_to_gigabytes(copied_run: RunDirectory) -> None:
    path = copied_run.bundle / "model.keras"
    zeros = {"model.weights.h5": bytes(50_000_000)}
    edit_model(path, lambda files: files.update(zeros), zipfile.ZIP_DEFLATED)
    with pytest.raises(RefusedModelError, match="unpacks from"):
        check_model_file(path)
    path.write_bytes(b"PK no archive")
    with pytest.raises(RefusedModelError, match="cannot be read"):
        check_model_file(path)


def test_no_memory_is_taken_for_what_a_model_claims_now_or_later(copied_run: RunDirectory, services: Services) -> None:
    path = copied_run.bundle / "model.keras"
    whole = path.read_bytes()
    edit_model(path, in_config(lambda dense: dense["config"].update(units=10**12)))
    rehash(copied_run.bundle)
    with pytest.raises(ArtifactError, match=r"not safe to load: model\.keras claims [\d,]+ weights") as caught:
        services.load(copied_run.bundle)
    assert caught.value.fix
    path.write_bytes(whole)
    rehash(copied_run.bundle)
    assert services.load(copied_run.bundle).predict(["a great film"])[0].label in ("good", "bad")


def test_the_rows_of_the_embeddings_are_those_of_the_tokenizer(
    services: Services, bert_run: RunResult, lstm_run: RunResult
) -> None:
    for run in (bert_run.run, lstm_run.run):
        predictor = services.load(run.bundle)
        highest = max(predictor._tokenizer.vocabulary.values())
        assert tokenizer_file.embedding_rows(predictor._model) == highest + 1


def more_words(content: dict[str, Any]) -> None:
    content["model"]["vocab"]["one more"] = 10_000


def a_special_token(content: dict[str, Any]) -> None:
    token = {"SpecialToken": {"id": "[CLS]", "type_id": 0}}
    content["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [token, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [9_999], "tokens": ["[CLS]"]}},
    }


def ten_times_longer(content: dict[str, Any]) -> None:
    rule = {"type": "Replace", "pattern": {"String": "a"}, "content": "a" * 10}
    content["normalizer"] = {"type": "Sequence", "normalizers": [rule] * 10}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (more_words, "token ids up to 10,000"),
        (a_special_token, "token ids up to 9,999"),
        (lambda content: content["added_tokens"].append({"id": 500, "content": "x"}), "token ids up to 500"),
        (lambda content: content["padding"].update(pad_id=700), "token ids up to 700"),
        (ten_times_longer, "many times longer"),
        (lambda content: content.pop("model"), "cannot be read"),
        (lambda content: content["model"].update(vocab=5), "cannot be read"),
    ],
)
def test_a_tokenizer_that_does_not_belong_to_the_model(
    copied_run: RunDirectory, change: Callable[[dict[str, Any]], None], told: str
) -> None:
    path = copied_run.bundle / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    rows = max(content["model"]["vocab"].values()) + 1
    check_tokenizer_file(path, rows)
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(RefusedTokenizerError) as caught:
        check_tokenizer_file(path, rows)
    assert told in str(caught.value)


def test_a_tokenizer_is_looked_into_before_it_is_used(
    copied_run: RunDirectory, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = copied_run.bundle / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    more_words(content)
    path.write_text(json.dumps(content), encoding="utf-8")
    rehash(copied_run.bundle)
    with pytest.raises(ArtifactError, match=r"not safe to load: tokenizer\.json knows token ids up to 10,000"):
        services.load(copied_run.bundle)
    monkeypatch.setattr(tokenizer_file, "MOST_BYTES", 100)
    with pytest.raises(ArtifactError, match="at most 100 are read"):
        services.load(copied_run.bundle)


def test_texts_in_a_bundle_that_are_made_to_fill_the_memory(
    copied_run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = copied_run.bundle / "config.yaml"
    config.write_text("data: &a [x, x]\nmodel: [*a, *a]\n", encoding="utf-8")
    rehash(copied_run.bundle)
    with pytest.raises(ArtifactError, match="has aliases"):
        read_bundle(copied_run.bundle)
    for name in ("labels.json", "manifest.json"):
        with monkeypatch.context() as patch:
            patch.setitem(bundle_module.MOST_BYTES, name, 5)
            with pytest.raises(ArtifactError, match=r"is larger than 5 bytes|cannot be read"):
                read_bundle(copied_run.bundle)
