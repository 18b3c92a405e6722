import os
import platform
import subprocess
import sys

import pytest

from packager.cpu_dispatch import choose_class, flags_of, usable_classes, variables_for
from packager.errors import WorkerStartError
from packager.identity import CpuClass

FORCE = """
import sys
from packager import cpu_dispatch
from packager.identity import CpuClass
cpu_dispatch.force_cpu_class(CpuClass(sys.argv[1]))
print(cpu_dispatch._libavutil().av_get_cpu_flags(), cpu_dispatch.flags_of(CpuClass(sys.argv[1])))
"""

IS_X86 = platform.machine() == "x86_64"


def test_every_machine_can_run_plain_code():
    assert usable_classes()[-1] is CpuClass.GENERIC
    assert choose_class(CpuClass.GENERIC) is CpuClass.GENERIC


def test_the_best_class_is_the_default():
    assert choose_class(None) is usable_classes()[0]


def test_the_class_of_another_architecture_is_refused():
    other = CpuClass.AARCH64 if IS_X86 else CpuClass.X86_64_V3
    with pytest.raises(WorkerStartError, match="cannot run"):
        choose_class(other)


def test_a_class_that_lacks_instructions_here_is_not_usable(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("packager.cpu_dispatch._host_flags", lambda: 0)
    assert usable_classes() == (CpuClass.GENERIC,)


@pytest.mark.skipif(not IS_X86, reason="names of x86 instructions")
def test_a_higher_class_has_all_instructions_of_the_lower():
    generic, v2, v3 = map(flags_of, (CpuClass.GENERIC, CpuClass.X86_64_V2, CpuClass.X86_64_V3))
    assert generic == 0
    assert v2 == v2 & v3 != v3


def test_a_class_that_this_build_does_not_know_is_refused():
    if IS_X86:
        with pytest.raises(WorkerStartError, match="does not know"):
            flags_of(CpuClass.AARCH64)


@pytest.mark.parametrize("kind", usable_classes())
def test_ffmpeg_is_held_to_the_class(kind: CpuClass):
    command = [sys.executable, "-c", FORCE, kind]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert answer[0] == answer[1]


def test_the_c_library_is_held_to_the_class_too():
    assert "-FMA" in variables_for(CpuClass.GENERIC)["GLIBC_TUNABLES"]
    assert not variables_for(CpuClass.X86_64_V3)


def test_no_variable_changes_what_libsoxr_computes():
    command = [sys.executable, "-c", FORCE + "import os; print('SOXR_USE_SIMD' in os.environ)"]
    done = subprocess.run(
        [*command, "generic"],
        env={**os.environ, "SOXR_USE_SIMD": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split()[-1] == "False"
