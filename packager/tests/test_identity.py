import json
from dataclasses import replace

import pytest

from packager.identity import CpuClass, EncoderIdentity, identity_from_json, identity_to_json

IDENTITY = EncoderIdentity(
    libraries={"av": "18.1.0"},
    wheels={"av": "Tag: any"},
    architecture="x86_64",
    libc="glibc 2.36",
    cpu_class=CpuClass.X86_64_V3,
    opus_probe="a1",
)


def test_an_identity_survives_json():
    assert identity_from_json(json.loads(json.dumps(identity_to_json(IDENTITY)))) == IDENTITY


def test_a_probe_that_was_never_recorded_is_not_known():
    fields = identity_to_json(IDENTITY)
    del fields["opus_probe"]
    assert identity_from_json(fields) == replace(IDENTITY, opus_probe="")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"libraries": None}, id="no libraries"),
        pytest.param({"cpu_class": "z80"}, id="an unknown class"),
        pytest.param({"packaging_format": "1"}, id="a number as text"),
        pytest.param({"opus_probe": 1}, id="a probe that is no text"),
    ],
)
def test_what_is_no_identity_is_refused(change: dict[str, object]):
    with pytest.raises(ValueError):  # noqa: PT011 - both have their own text
        identity_from_json({**identity_to_json(IDENTITY), **change})
