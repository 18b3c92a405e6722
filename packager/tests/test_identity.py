import json

import pytest

from packager.identity import CpuClass, EncoderIdentity, identity_from_json, identity_to_json

IDENTITY = EncoderIdentity(
    libraries={"av": "18.1.0"},
    wheels={"av": "Tag: any"},
    architecture="x86_64",
    libc="glibc 2.36",
    cpu_class=CpuClass.X86_64_V3,
)


def test_an_identity_survives_json():
    assert identity_from_json(json.loads(json.dumps(identity_to_json(IDENTITY)))) == IDENTITY


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"libraries": None}, id="no libraries"),
        pytest.param({"cpu_class": "z80"}, id="an unknown class"),
        pytest.param({"packaging_format": "1"}, id="a number as text"),
    ],
)
def test_what_is_no_identity_is_refused(change: dict[str, object]):
    with pytest.raises(ValueError):  # noqa: PT011 - both have their own text
        identity_from_json({**identity_to_json(IDENTITY), **change})
