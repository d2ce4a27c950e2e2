"""Memory that a process frees stays with it, where the C library can be told so."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

PAGES_ASKED_FOR = """
import resource
from sft_keras.allocator import keep_freed_memory

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

print(keep_freed_memory())
for _ in range(2):
    before = faults()
    block = bytearray(100 * 2**20)
    del block
    print(faults() - before)
"""


def answered(environment: dict[str, str]) -> tuple[str, int, int]:
    done = subprocess.run(
        [sys.executable, "-c", PAGES_ASKED_FOR], env=environment, capture_output=True, text=True, check=True
    )
    said, first, second = done.stdout.split()
    return said, int(first), int(second)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told to keep memory")
def test_a_block_that_is_asked_for_again_is_not_cleared_by_the_system_again() -> None:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    said, first, second = answered(plain)
    assert said == "True"
    assert second < first / 10

    said, first, second = answered({**plain, "MALLOC_TOP_PAD_": "0"})
    assert said == "False"  # whoever sets the allocator by the environment is left alone
    assert second > first / 2


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from sft_keras.allocator import keep_freed_memory

    monkeypatch.setattr(sys, "platform", "win32")
    assert keep_freed_memory() is False
