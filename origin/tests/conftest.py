"""What several test modules of the origin need."""

from collections.abc import Iterator

import pytest

from origin.tests.seaweed import SeaweedServer, running_server


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedServer]:
    """A real S3 server, started once for all tests that need one."""
    with running_server(tmp_path_factory.mktemp("seaweed")) as server:
        yield server
