"""The encoder identity: everything besides a master and a profile that decides the bytes. No I/O.

Within one identity packaging is deterministic to the byte. It holds the versions of the libraries,
digests of the binaries in their wheels (one version has several builds), the architecture, the C
library, whose mathematics the encoders use, the CPU dispatch class and the number of our own
packaging format. `packager.identity_probe` finds out that of a process.

One encoder is not held by all that: libopus computes with instructions that makers of processors
approximate each in their own way, and picks faster code by itself. What it does on a machine is
told by a digest of what it makes of a probe. This counts for Opus alone and names no version: what
differs in nothing else plans the same versions, and makes all of them but the other's Opus.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

PACKAGING_FORMAT: Final = 2
"""Counts the ways in which our own code has written files, encoder settings included: raised by
every change that makes other bytes of the same master."""


class CpuClass(enum.StrEnum):
    """Sets of machine instructions, named as compilers and distributions name them."""

    GENERIC = "generic"
    """Plain C on whatever processor."""

    X86_64_V2 = "x86-64-v2"
    X86_64_V3 = "x86-64-v3"
    AARCH64 = "aarch64"


@dataclass(frozen=True, slots=True)
class EncoderIdentity:
    """Two workers of equal identity write equal bytes; but for Opus the probe need not be equal.

    Attributes:
        libraries: versions by name.
        wheels: for each of them its tags, build and digest of its binaries.
        architecture: of the machine.
        libc: name and version of the C library.
        cpu_class: which instructions FFmpeg was held to.
        packaging_format: see `PACKAGING_FORMAT`.
        opus_probe: digest of what libopus makes of `packager.identity_probe`'s samples; empty if
            it is not known.
    """

    libraries: Mapping[str, str]
    wheels: Mapping[str, str]
    architecture: str
    libc: str
    cpu_class: CpuClass
    packaging_format: int = PACKAGING_FORMAT
    opus_probe: str = ""


def identity_to_json(identity: EncoderIdentity) -> dict[str, object]:
    """`identity` as objects that any JSON encoder takes."""
    return {**shared_identity_to_json(identity), "opus_probe": identity.opus_probe}


def shared_identity_to_json(identity: EncoderIdentity) -> dict[str, object]:
    """What of `identity` takes part in versions: all but the probe."""
    return {
        "libraries": dict(identity.libraries),
        "wheels": dict(identity.wheels),
        "architecture": identity.architecture,
        "libc": identity.libc,
        "cpu_class": identity.cpu_class.value,
        "packaging_format": identity.packaging_format,
    }


def identity_from_json(value: Mapping[str, object]) -> EncoderIdentity:
    """Undo `identity_to_json`.

    Raises:
        ValueError: `value` is not an identity.
    """
    match value:
        case {
            "libraries": dict(libraries),
            "wheels": dict(wheels),
            "architecture": str(architecture),
            "libc": str(libc),
            "cpu_class": str(cpu_class),
            "packaging_format": int(packaging_format),
            **rest,
        } if isinstance(opus_probe := rest.get("opus_probe", ""), str):
            return EncoderIdentity(
                libraries=libraries,
                wheels=wheels,
                architecture=architecture,
                libc=libc,
                cpu_class=CpuClass(cpu_class),
                packaging_format=packaging_format,
                opus_probe=opus_probe,
            )
        case _:
            raise ValueError("not an encoder identity")
