"""The real app as a process of its own, over a data directory of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import psutil

ROOT = Path(__file__).resolve().parents[2]
T = TypeVar("T")


def until(what: str, look: Callable[[], T], seconds: float = 60, every: float = 0.1) -> T:
    """What `look` returns as soon as it is true.

    Raises:
        AssertionError: That did not happen in time.
    """
    end = time.monotonic() + seconds
    pause = threading.Event()
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:g} s in vain: {what}")
        pause.wait(every)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def status_of(url: str) -> int:
    """The status of an answer; 0 if there is none."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own server
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


@dataclass
class App:
    """A server that can be stopped and started again on the same port.

    Attributes:
        data_dir: Its data directory.
        environment: Further variables.
        port: Where it listens.
    """

    data_dir: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """What it printed."""
        return self.data_dir.with_suffix(".log")

    @property
    def variables(self) -> dict[str, str]:
        """The environment of its processes."""
        own = {
            "SFT_DATA_DIR": str(self.data_dir),
            "SFT_DIAGNOSE": "0",  # it would keep both cores busy beside the tests that follow
            "SFT_MAX_QUEUED": "20",
            "GRADIO_SERVER_NAME": "127.0.0.1",
            "GRADIO_SERVER_PORT": str(self.port),
            "GRADIO_TEMP_DIR": str(self.data_dir.with_suffix(".uploads")),
            "GRADIO_ANALYTICS_ENABLED": "False",
            "OMP_NUM_THREADS": "1",
            "TF_NUM_INTRAOP_THREADS": "1",
        }
        return {**os.environ, **own, **self.environment}

    def start(self) -> None:
        """Starts it and waits until it answers."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(ROOT / "app.py")],
                cwd=ROOT,
                env=self.variables,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        process = self._process

        def answers() -> bool:
            assert process.poll() is None, f"the app ended:\n{self.log.read_text(errors='replace')[-3000:]}"
            return status_of(f"{self.url}/healthz") == 200

        until("the app answers", answers, 90)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ends the web server alone; trainings go on."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(20)
            self._process = None

    def restart(self) -> None:
        """Ends the web server and starts it again."""
        self.stop()
        self.start()

    def processes(self, words: str = "") -> list[psutil.Process]:
        """The processes that work in this data directory, other than the web server, with `words` in their command."""
        found = []
        for process in psutil.process_iter():
            try:
                own = process.environ().get("SFT_DATA_DIR") == str(self.data_dir) and process.pid != os.getpid()
                server = self._process is not None and process.pid == self._process.pid
                if own and not server and words in " ".join(process.cmdline()):
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def end(self) -> None:
        """Ends everything that works in this data directory, and removes it."""
        self.stop(signal.SIGKILL)
        left = self.processes()
        for process in left:
            process.kill()
        psutil.wait_procs(left, 10)
        shutil.rmtree(self.data_dir, ignore_errors=True)
        shutil.rmtree(self.data_dir.with_suffix(".uploads"), ignore_errors=True)
