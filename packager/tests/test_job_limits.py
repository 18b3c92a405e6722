from dataclasses import replace

import pytest

from packager.job_limits import (
    READING_LIMITS,
    JobLimits,
    inspection_allowance_s,
    inspection_limits,
    packaging_limits,
)
from packager.jobs import MasterFacts

MINUTE = MasterFacts(
    codec="flac",
    container="flac",
    sample_rate_hz=48_000,
    channels=2,
    bits=16,
    is_lossless_of_master=True,
    samples=48_000 * 60,
    pcm_sha256="",
    sha256="",
    bytes=1,
)


@pytest.mark.parametrize(
    ("size", "cpu_s"),
    [(0, 180), (30_000_000, 480), (1 << 40, 6 * 3600)],
    ids=["a broken file", "an ordinary track", "twelve hours of eight channels"],
)
def test_an_inspection_is_limited_by_the_size_of_its_file(size: int, cpu_s: int):
    limits = inspection_limits(size)
    assert limits.cpu_s == cpu_s
    assert limits.file_bytes == READING_LIMITS.file_bytes


def test_an_inspection_gives_up_by_itself_before_it_is_ended():
    assert all(
        inspection_allowance_s(size) < inspection_limits(size).cpu_s for size in (0, 10**6, 10**9)
    )


@pytest.mark.parametrize(
    ("facts", "limits"),
    [
        pytest.param(MINUTE, JobLimits(177, (64 << 20) + 28_800_000), id="a minute"),
        pytest.param(
            replace(MINUTE, sample_rate_hz=8_000, samples=8_000 * 60, channels=1),
            JobLimits(177, (64 << 20) + 28_800_000),
            id="as it is fed to encoders",
        ),
        pytest.param(
            replace(MINUTE, sample_rate_hz=192_000, samples=192_000 * 60, channels=8),
            JobLimits(1041, (64 << 20) + 460_800_000),
            id="more of all",
        ),
        pytest.param(
            replace(MINUTE, samples=12 * 3600 * 48_000),
            JobLimits(6 * 3600, (64 << 20) + 12 * 3600 * 480_000),
            id="twelve hours",
        ),
    ],
)
def test_packaging_is_limited_by_the_samples(facts: MasterFacts, limits: JobLimits):
    assert packaging_limits(facts) == limits
