"""Memory that is freed is used again, without page faults."""

import ctypes
import platform
import subprocess
import sys

import pytest

from edge.allocator import keep_freed_memory

COUNT_FAULTS = """
import resource, sys
from edge.allocator import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()
def work():
    kept = [bytearray(256 << 10) for _ in range(50)]
work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(how: str) -> int:
    command = [sys.executable, "-c", COUNT_FAULTS, how]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="an option of glibc")
def test_buffers_cost_no_page_faults_any_more():
    assert page_faults("kept") < page_faults("given back") / 10


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch):
    class Other:
        def __init__(self, name: None) -> None:
            pass

    monkeypatch.setattr(ctypes, "CDLL", Other)
    assert not keep_freed_memory()
