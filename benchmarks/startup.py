"""How long people wait at a start: for `--help`, for the web app, and for the first step of a training in it.

    python benchmarks/startup.py --rounds 3

The app is a process of its own with an empty data folder. The first step is that of a full fine-tuning of MiniLM on
2,000 film reviews, counted from the moment in which the run is put into the queue; the training is stopped then.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from growth import write

ROOT = Path(__file__).parents[1]
MOST_SECONDS = 120.0


def help_seconds() -> float:
    """Of `sft-keras --help`."""
    began = time.perf_counter()
    subprocess.run([str(Path(sys.executable).parent / "sft-keras"), "--help"], check=True, capture_output=True)
    return time.perf_counter() - began


def until(what: str, is_so: Any) -> float:
    """Seconds until something is so."""
    began = time.perf_counter()
    while time.perf_counter() - began < MOST_SECONDS:
        if is_so():
            return time.perf_counter() - began
        time.sleep(0.02)
    sys.exit(f"{what}: not within {MOST_SECONDS:.0f} s")


def answers(address: str) -> bool:
    """Whether a page is there."""
    try:
        with urllib.request.urlopen(address, timeout=10) as response:  # noqa: S310 - an address of our own
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def app_round(folder: Path, file: Path) -> dict[str, float]:
    """Starts the app, and a training in it."""
    from sft_keras.services import Services
    from sft_keras.services.space.base import new_key
    from sft_keras.settings import Settings

    port = free_port()
    data = folder / f"data-{port}"
    variables = {
        **os.environ,
        "SFT_DATA_DIR": str(data),
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_ANALYTICS_ENABLED": "False",
    }
    with (folder / "app.log").open("ab") as log:
        app = subprocess.Popen([sys.executable, str(ROOT / "app.py")], env=variables, stdout=log, stderr=log)
    try:
        page = until("the app", lambda: answers(f"http://127.0.0.1:{port}/"))
        space = Services(Settings(data_dir=data)).space(new_key())
        dataset = space.add_upload(file, "reviews.csv").id
        run = space.submit(dataset, {"model": {"backbone": "minilm"}, "training": {"epochs": 1}})
        metrics = space.place("runs", run) / "metrics.jsonl"
        step = until("the first step", lambda: metrics.is_file() and '"step"' in metrics.read_text(encoding="utf-8"))
        space.stop(run)
        until("the end", lambda: space.run(run).state not in ("queued", "running"))
    finally:
        app.terminate()
        app.wait()
    return {"page": page, "first_step": step}


def main() -> None:
    """Prints the medians; everything as JSON on the last line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        folder = Path(place)
        write(folder / "reviews.csv", 2_000)
        rounds = [{"help": help_seconds(), **app_round(folder, folder / "reviews.csv")} for _ in range(given.rounds)]
    for what in ("help", "page", "first_step"):
        print(f"{what}: {statistics.median(each[what] for each in rounds):.2f} s")
    print(json.dumps(rounds))


if __name__ == "__main__":
    main()
