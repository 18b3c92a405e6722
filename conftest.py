"""How all tests are run: Hypothesis has the same examples in every run of CI, never by the clock.

Where several processes run them, each takes whole files, and one takes all that need an S3 server.
"""

import os

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "attacca",
    settings.get_profile("ci" if "CI" in os.environ else "default"),
    deadline=None,  # A slow machine is no wrong answer.
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("attacca")


@pytest.hookimpl(tryfirst=True)  # Before xdist reads the names.
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Name what is to be run by one process (`--dist loadgroup`)."""
    with_s3 = {item.path for item in items if "s3_server" in getattr(item, "fixturenames", ())}
    for item in items:
        name = "s3" if item.path in with_s3 else str(item.path)
        item.add_marker(pytest.mark.xdist_group(name))
