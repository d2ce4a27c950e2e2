"""Installs a browser for the tests of the app, where there is none and where that is possible; `make test` calls it.

It never fails: without a browser, those tests are skipped with a warning.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
SECONDS = 600


def found() -> bool:
    """Whether there is a browser: the system's, or the one that Playwright installed."""
    if any(map(shutil.which, NAMES)):
        return True
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return Path(playwright.chromium.executable_path).exists()


def commands() -> list[list[str]]:
    """What installs one: Debian's as its administrator, else Playwright's own in the home folder."""
    own = [sys.executable, "-m", "playwright", "install", "chromium"]
    if shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        fonts = "fonts-noto-cjk"  # or Chinese is drawn as boxes
        install = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", "chromium", fonts]
        return [["apt-get", "update", "--quiet"], install, own]
    return [own]


def main() -> int:
    """Tries one way after the other; always 0."""
    for command in commands():
        if found():
            return 0
        print(f"There is no browser for the tests of the app. Trying: {' '.join(command)}", flush=True)
        try:
            subprocess.run(command, check=False, timeout=SECONDS, stdin=subprocess.DEVNULL)
        except (OSError, subprocess.TimeoutExpired) as error:
            print(error, file=sys.stderr)
    if not found():
        print("\nNO BROWSER: the tests of the app in a browser will be SKIPPED.\n", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
