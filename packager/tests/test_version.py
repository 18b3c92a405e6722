import re
import uuid
from dataclasses import replace

import pytest

from packager.identity import CpuClass, EncoderIdentity
from packager.renditions import PROFILES, KeyClass
from packager.version import VersionInputs, version_of

IDENTITY = EncoderIdentity(
    libraries={"av": "18.1.0", "libavcodec": "62.28.102"},
    wheels={"av": "Tag: any"},
    architecture="x86_64",
    libc="glibc 2.36",
    cpu_class=CpuClass.X86_64_V3,
)
INPUTS = VersionInputs(
    master_sha256="11" * 32,
    context_before="",
    context_after="",
    metadata_sha256="22" * 32,
    identity=IDENTITY,
    kids={KeyClass.LOSSY: uuid.UUID(int=1), KeyClass.LOSSLESS: uuid.UUID(int=2)},
)


def test_a_version_is_16_hexadecimal_digits_and_the_same_again():
    assert re.fullmatch(r"[0-9a-f]{16}", version_of(INPUTS))
    assert version_of(INPUTS) == version_of(replace(INPUTS))


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(replace(INPUTS, master_sha256="12" * 32), id="master"),
        pytest.param(replace(INPUTS, context_before="aa"), id="context before"),
        pytest.param(replace(INPUTS, context_after="aa"), id="context after"),
        pytest.param(replace(INPUTS, metadata_sha256="23" * 32), id="metadata"),
        pytest.param(replace(INPUTS, profiles=tuple(PROFILES.values())[:2]), id="ladder"),
        pytest.param(
            replace(INPUTS, profiles=[replace(one, bitrate_bps=1) for one in PROFILES.values()]),
            id="bit rate",
        ),
        pytest.param(replace(INPUTS, kids={KeyClass.LOSSY: uuid.UUID(int=1)}), id="fewer keys"),
        pytest.param(
            replace(INPUTS, kids={**INPUTS.kids, KeyClass.LOSSY: uuid.UUID(int=3)}), id="KID"
        ),
        *(
            pytest.param(replace(INPUTS, identity=replace(IDENTITY, **change)), id=str(*change))
            for change in (
                {"libraries": {"av": "18.1.1", "libavcodec": "62.28.102"}},
                {"wheels": {"av": "Tag: other"}},
                {"architecture": "aarch64"},
                {"libc": "glibc 2.37"},
                {"cpu_class": CpuClass.GENERIC},
                {"packaging_format": 99},
            )
        ),
    ],
)
def test_each_input_changes_the_version(other: VersionInputs):
    assert version_of(other) != version_of(INPUTS)


def test_contexts_are_not_taken_for_each_other():
    before, after = replace(INPUTS, context_before="aa"), replace(INPUTS, context_after="aa")
    assert version_of(before) != version_of(after)


def test_the_order_of_mappings_does_not_count():
    other = replace(
        INPUTS,
        kids=dict(reversed(list(INPUTS.kids.items()))),
        identity=replace(IDENTITY, libraries=dict(reversed(list(IDENTITY.libraries.items())))),
        profiles=list(INPUTS.profiles),
    )
    assert version_of(other) == version_of(INPUTS)
