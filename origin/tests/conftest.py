"""What several test modules of the origin need."""

import os
from collections.abc import Iterator

import pytest

from origin.signing import S3Credentials
from origin.tests.s3 import S3Server
from origin.tests.seaweed import SeaweedServer, put_nothing, running_server

# Names another store to run the tests against, with a key, a secret and a bucket to be made.
OTHER_STORE = "ATTACCA_TEST_S3_"


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 server, started once for all tests that need one."""
    if f"{OTHER_STORE}ENDPOINT_URL" in os.environ:
        yield other_server()
        return
    with running_server(tmp_path_factory.mktemp("seaweed")) as server:
        yield S3Server(
            endpoint_url=server.endpoint_url,
            access_key=server.access_key,
            secret_key=server.secret_key,
            bucket=server.bucket,
            reader_key=SeaweedServer.reader_key,
        )


def other_server() -> S3Server:
    values = {
        name: os.environ[OTHER_STORE + name.upper()]
        for name in ("endpoint_url", "access_key", "secret_key", "bucket")
    }
    server = S3Server(**values)
    credentials = S3Credentials(server.access_key, server.secret_key)
    assert put_nothing(server.endpoint_url, f"/{server.bucket}", credentials) in {200, 409}
    return server
