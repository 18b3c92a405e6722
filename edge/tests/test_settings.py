"""Settings of an edge: the defaults work, and what cannot work is refused."""

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
