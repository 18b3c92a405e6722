"""Settings of an edge: the defaults work, and what cannot work is refused."""

import math

import pytest
from pydantic import ValidationError

from edge.settings import EdgeSettings


def test_the_defaults_work():
    settings = EdgeSettings()
    assert (settings.port, settings.admin_port) == (8080, 8081)
    assert settings.cache.memory_bytes == 512 << 20


@pytest.mark.parametrize(
    "url",
    [
        "origin:8090",
        "ftp://origin",
        "http://",
        "http://origin/path",
        "http://u:p@origin",
        "http://o?q",
    ],
)
def test_an_upstream_is_scheme_host_and_port(url: str):
    with pytest.raises(ValidationError):
        EdgeSettings(upstream=url)


def test_a_slash_at_the_end_is_dropped():
    assert EdgeSettings(upstream="http://origin:1/").upstream == "http://origin:1"


@pytest.mark.parametrize("silence_s", [0.0, 1.0, 30.0])
def test_a_worker_may_be_silent_for_a_second_or_for_ever(silence_s: float):
    settings = EdgeSettings.model_validate({"limits": {"worker_silence_s": silence_s}})
    assert settings.limits.worker_silence_s == silence_s


@pytest.mark.parametrize("silence_s", [-1.0, 0.05, 0.99, math.nan])
def test_a_sound_worker_is_not_killed_for_a_moments_silence(silence_s: float):
    with pytest.raises(ValidationError, match="worker_silence_s"):
        EdgeSettings.model_validate({"limits": {"worker_silence_s": silence_s}})
