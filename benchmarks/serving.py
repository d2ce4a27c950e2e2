"""Users who predict through a link's REST route, alone and while a training runs: requests a second, delays, errors.

    python benchmarks/serving.py --users 50 --seconds 30
    python benchmarks/serving.py --bundle runs/demo/bundle --users 50

It starts the web app on a free port over a data folder of its own. Without a bundle it first trains one, with MiniLM.
Each user sends one short text, waits for the answer, and sends the next.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from sft_keras.config import RunConfig
from sft_keras.services import Services, Space
from sft_keras.services.space.base import new_id, new_key
from sft_keras.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
TEXTS = ("a wonderful film that I would love to see again", "味道很好，下次再来", "the plot was dull and far too long")


@contextlib.contextmanager
def served(data_dir: Path) -> Iterator[str]:
    """The web app; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "SFT_DATA_DIR": str(data_dir), "GRADIO_SERVER_PORT": str(port)}
    app = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{address}/healthz").is_success:
                    break
            time.sleep(0.2)
        yield address
    finally:
        app.terminate()
        app.wait(20)


def small_data(path: Path, rows: int) -> Path:
    """A file of labelled sentences."""
    words = {"good": "lovely superb happy great", "bad": "awful boring sad poor"}
    lines = ["text,label"]
    for index in range(rows):
        label = ("good", "bad")[index % 2]
        told = words[label].split()[index % 4]
        lines.append(f"the film number {index} with an actor and a story that was really {told},{label}")
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def published(space: Space, folder: Path, bundle: Path | None, backbone: str) -> str:
    """The id of a link to a bundle in a run of this owner."""
    run = new_id()
    place = space.folder / "runs" / run
    if bundle is None:
        services = Services(space.settings)
        settings = {"model": {"backbone": backbone}, "training": {"epochs": 1}}
        made = services.prepare(str(small_data(folder / "a.csv", 200)), RunConfig.parse(settings), out=folder / "run")
        services.start(made)
        shutil.copytree(made.path, place)
    else:
        source = bundle if (bundle / "bundle").is_dir() else bundle.parent
        shutil.copytree(source, place)
    link = space.publish(run, title="Benchmark").id
    file = place / "link.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    content["requests_per_minute"] = 10**6  # no owner may ask for so many
    file.write_text(json.dumps(content), encoding="utf-8")
    return link


async def load(address: str, link: str, users: int, seconds: float) -> dict[str, Any]:
    """What so many users see."""
    times: list[float] = []
    codes: Counter[str] = Counter()
    end = time.monotonic() + seconds

    async def user(number: int, client: httpx.AsyncClient) -> None:
        while not times or time.monotonic() < end:
            began = time.monotonic()
            try:
                body = {"texts": [TEXTS[number % len(TEXTS)]]}
                answer = await client.post(f"{address}/api/v1/models/{link}/predict", json=body)
                codes[str(answer.status_code)] += 1
            except httpx.HTTPError as error:
                codes[type(error).__name__] += 1
            times.append(time.monotonic() - began)

    limits = httpx.Limits(max_connections=users, max_keepalive_connections=users)
    async with httpx.AsyncClient(timeout=60, limits=limits) as client:
        await asyncio.gather(*(user(number, client) for number in range(users)))
    return {
        "requests_per_second": round(codes["200"] / seconds, 1),
        "p50_ms": round(1000 * float(np.percentile(times, 50)), 1),
        "p95_ms": round(1000 * float(np.percentile(times, 95)), 1),
        "errors": {code: count for code, count in codes.items() if code != "200"},
    }


def main() -> int:
    """Measures and prints JSON, one line a situation."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--backbone", default="minilm", help="of the model that answers, without --bundle")
    parser.add_argument("--trains", default="minilm", help="backbone of the training beside it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        space = Services(replace(Settings.from_environment(), data_dir=folder / "data")).space(new_key())
        link = published(space, folder, options.bundle, options.backbone)
        with served(folder / "data") as address:
            began = time.monotonic()
            asyncio.run(load(address, link, 1, 1e-9))
            print(json.dumps({"situation": "first answer", "seconds": round(time.monotonic() - began, 3)}), flush=True)
            for users in (1, options.users):
                found = asyncio.run(load(address, link, users, options.seconds))
                print(json.dumps({"situation": "alone", "users": users, **found}), flush=True)
            dataset = space.add_upload(small_data(folder / "big.csv", 20_000), "big.csv").id
            training = space.submit(dataset, {"model": {"backbone": options.trains}, "training": {"epochs": 50}})
            while space.run(training).step < 3:
                state = space.run(training)
                if state.state not in ("queued", "running"):
                    raise SystemExit(f"The training did not begin: {state.message}")
                time.sleep(1)
            for users in (1, options.users):
                found = asyncio.run(load(address, link, users, options.seconds))
                state = space.run(training).state
                print(json.dumps({"situation": "a training runs", "state": state, "users": users, **found}), flush=True)
            space.stop(training)
            while space.run(training).state in ("queued", "running"):
                time.sleep(0.5)
    return 0


if __name__ == "__main__":
    sys.exit(main())
