"""The CPU dispatch class of FFmpeg: which machine instructions its codecs may use.

FFmpeg picks faster code for newer processors, and such code rounds otherwise: the same master
gives other bytes on another machine. So a class is forced in every worker and recorded with what
it makes. The C library chooses by processor too, among variants of `sin` or `exp`; where a class
excludes the instructions that these use, an environment variable keeps it from them.

libsoxr does not choose by processor in the quality that is used here, but it follows variables of
the environment: none of them is left in a worker.

PyAV has no call for this. Its wheels bundle libavutil under a mangled name, already loaded by
`import av`, and `ctypes` calls that very copy.
"""

import ctypes
import os
import platform
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

import av

from packager.errors import WorkerStartError
from packager.identity import CpuClass

# As libavutil's own parser of capabilities spells them.
_CAPABILITIES: Final[Mapping[CpuClass, str]] = MappingProxyType(
    {
        CpuClass.X86_64_V2: "mmx+mmxext+sse+sse2+sse3+ssse3+sse4.1+sse4.2+cmov",
        CpuClass.X86_64_V3: "mmx+mmxext+sse+sse2+sse3+ssse3+sse4.1+sse4.2+cmov"
        "+avx+avx2+fma3+bmi1+bmi2",
        CpuClass.AARCH64: "armv8+neon",
    }
)

_BEST_FIRST: Final = (CpuClass.X86_64_V3, CpuClass.X86_64_V2, CpuClass.AARCH64)
_MACHINES: Final[Mapping[str, frozenset[CpuClass]]] = MappingProxyType(
    {
        "x86_64": frozenset({CpuClass.X86_64_V2, CpuClass.X86_64_V3}),
        "aarch64": frozenset({CpuClass.AARCH64}),
    }
)

# Both spellings that glibc has had; it passes over names that it does not know.
_NO_FMA: Final = "glibc.cpu.hwcaps=-AVX2,-AVX2_Usable,-FMA,-FMA_Usable,-FMA4,-FMA4_Usable"


# Of libsoxr, such as `SOXR_USE_SIMD`: they change what comes out.
_SOXR_PREFIX: Final = "SOXR_"


def usable_classes() -> tuple[CpuClass, ...]:
    """The classes that this machine can run, best first."""
    known = _MACHINES.get(platform.machine(), frozenset())
    host = _host_flags()
    fitting = (kind for kind in _BEST_FIRST if kind in known)
    return (*(kind for kind in fitting if not flags_of(kind) & ~host), CpuClass.GENERIC)


def choose_class(wanted: CpuClass | None) -> CpuClass:
    """`wanted`, or the best class of this machine.

    Raises:
        WorkerStartError: this machine lacks instructions of `wanted`.
    """
    usable = usable_classes()
    chosen = usable[0] if wanted is None else wanted
    if chosen not in usable:
        raise WorkerStartError(
            f"this machine cannot run the CPU class {chosen}, only {', '.join(usable)}"
        )
    return chosen


def force_cpu_class(wanted: CpuClass) -> None:
    """Hold FFmpeg, in this process, to the instructions of `wanted`, and libsoxr to its own choice.

    To be called before anything is decoded or encoded: what FFmpeg has set up keeps its code.
    """
    _libavutil().av_force_cpu_flags(flags_of(wanted))
    for name in [name for name in os.environ if name.startswith(_SOXR_PREFIX)]:
        del os.environ[name]


def variables_for(chosen: CpuClass) -> Mapping[str, str]:
    """What the environment of a process must have, from its start, for its C library to follow.

    Every processor of the classes that are not named here has one and the same choice.
    """
    if chosen in (CpuClass.GENERIC, CpuClass.X86_64_V2):
        return {"GLIBC_TUNABLES": _NO_FMA}
    return {}


def flags_of(kind: CpuClass) -> int:
    """FFmpeg's bits for the instructions of `kind`."""
    if kind is CpuClass.GENERIC:
        return 0
    flags = ctypes.c_uint(0)
    status = _libavutil().av_parse_cpu_caps(ctypes.byref(flags), _CAPABILITIES[kind].encode())
    if status < 0:
        raise WorkerStartError(f"this build of FFmpeg does not know the CPU class {kind}")
    return flags.value


@cache
def _host_flags() -> int:
    """What FFmpeg found at its first look, before anything was forced."""
    return int(_libavutil().av_get_cpu_flags())


@cache
def _libavutil() -> ctypes.CDLL:
    folder = Path(av.__file__).parent.parent / "av.libs"
    for path in sorted(folder.glob("libavutil-*.so*")):
        return ctypes.CDLL(str(path))
    raise WorkerStartError(f"the wheel of PyAV has no libavutil in {folder}")
