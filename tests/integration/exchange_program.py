"""Trains on its own backend and predicts with the bundles of another; run by `test_backends.py`.

Called with a folder: `data.csv`, `texts.json` and `NAME/bundle` for each name are there. It writes `there.json`, the
probabilities by those bundles, and for each name `mine-NAME/bundle` and its probabilities in `mine.json`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from sft_keras.config import RunConfig
from sft_keras.services import Services
from sft_keras.settings import Settings


def main(folder: Path) -> None:
    """Both ways of the exchange."""
    services = Services(Settings(data_dir=folder / "data_dir"))
    texts = json.loads((folder / "texts.json").read_text(encoding="utf-8"))
    there, mine = {}, {}
    for bundle in sorted(folder.glob("*/bundle")):
        name = bundle.parent.name
        there[name] = services.load(bundle).probabilities(texts).tolist()
        config = RunConfig.from_yaml(bundle / "config.yaml")
        run = services.prepare(str(folder / "data.csv"), config, out=folder / f"mine-{name}")
        services.start(run, exports=False)
        mine[name] = services.load(run.bundle).probabilities(texts).tolist()
    (folder / "there.json").write_text(json.dumps(there), encoding="utf-8")
    (folder / "mine.json").write_text(json.dumps(mine), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
