import hashlib
import platform
import re

import pytest

from packager.identity import PACKAGING_FORMAT, CpuClass
from packager.identity_probe import identity_of_this_process, probe_samples


def test_the_identity_names_every_library_that_encodes():
    identity = identity_of_this_process(CpuClass.GENERIC)
    assert {"av", "libavcodec", "libsndfile", "soxr", "libsoxr"} <= set(identity.libraries)
    assert all(identity.libraries.values())
    assert "Xiph.Org libVorbis" in identity.libraries["libvorbis"]
    assert identity.architecture == platform.machine()
    assert identity.cpu_class is CpuClass.GENERIC
    assert identity.packaging_format == PACKAGING_FORMAT


def test_the_identity_tells_builds_of_one_version_apart():
    wheels = identity_of_this_process(CpuClass.GENERIC).wheels
    assert set(wheels) == {"av", "soundfile", "soxr"}
    assert all("Tag:" in wheel and "binaries" in wheel for wheel in wheels.values())
    # A digest over no record at all would be that of the empty text.
    assert not any(wheel.endswith("e3b0c44298fc1c14") for wheel in wheels.values())


def test_the_probe_of_opus_tells_other_arithmetic(monkeypatch: pytest.MonkeyPatch):
    probe = identity_of_this_process(CpuClass.GENERIC).opus_probe
    assert re.fullmatch("[0-9a-f]{16}", probe)
    monkeypatch.setattr("packager.identity_probe._PROBE_BPS", 25_000)
    assert identity_of_this_process(CpuClass.GENERIC).opus_probe != probe


def test_the_probe_holds_the_same_samples_everywhere():
    digest = hashlib.sha256(probe_samples().tobytes()).hexdigest()
    assert digest == "e6d44b949752ea22d97d6862869927c87f3522bd14d41fac4b4c9a29c98ef1f1"


def test_the_identity_is_the_same_again():
    assert identity_of_this_process(CpuClass.GENERIC) == identity_of_this_process(CpuClass.GENERIC)
