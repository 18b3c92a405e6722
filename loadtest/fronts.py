"""The servers that stand in front of an edge, started from the files in `config/fronts/`.

Paths, ports and the certificate in them are replaced, and nothing else.
"""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loadtest.peers.process import CacheFailedError, program, stop

FILES: Final = Path(__file__).parents[1] / "config" / "fronts"
HOST: Final = "localhost"
START_S_MAX: Final = 20.0
_STOP_S_MAX: Final = 10.0


@dataclass(frozen=True, slots=True)
class Stage:
    """What a front finds in its folder.

    Attributes:
        folder: with `edge.sock`, `edge.example.pem`, `edge.example.key` and both in one.
        port: that it is to listen on, of 127.0.0.1.
    """

    folder: Path
    port: int

    def log(self) -> str:
        """All that a front has written: to its logs, and to where it was started from."""
        return "".join(
            path.read_text("utf-8", "replace") for path in self.folder.glob("front*.log")
        )


@dataclass(frozen=True, slots=True)
class Front:
    """A server that can stand in front.

    Attributes:
        name: of the program, and of Debian's package.
        file: in `config/fronts/`.
        telling: how it tells of clients, as in the edge's settings.
        protocols: of HTTP that it speaks, as curl calls them.
        adapt: the file for a stage.
        arguments: of the program, for the file's path.
    """

    name: str
    file: str
    telling: str
    protocols: tuple[str, ...]
    adapt: Callable[[str, Stage], str]
    arguments: Callable[[Path], tuple[str, ...]]

    @contextlib.contextmanager
    def running(self, stage: Stage) -> Iterator[None]:
        """Run it until the block is left.

        Raises:
            CacheFailedError: it is not installed, or does not start.
        """
        path = stage.folder / self.file
        path.write_text(self.adapt((FILES / self.file).read_text(), stage))
        with (stage.folder / "front-output.log").open("ab") as output:
            process = subprocess.Popen(
                [program(self.name), *self.arguments(path)],
                cwd=stage.folder,
                env={**os.environ, "HOME": str(stage.folder)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            _wait_for(stage, process)
            yield
        finally:
            stop(process)


def _replaced(text: str, changes: Mapping[str, str]) -> str:
    for old, new in changes.items():
        if old not in text:
            raise CacheFailedError(f"`{old}` does not stand in the file any more")
        text = text.replace(old, new)
    return text


def _nginx(text: str, stage: Stage) -> str:
    return _replaced(
        text,
        {
            "listen 443 ": f"listen 127.0.0.1:{stage.port} ",
            "listen [::]:443 ": f"listen [::1]:{stage.port} ",
            "/etc/attacca": str(stage.folder),
            "/run/attacca": str(stage.folder),
            "/var/log/nginx/attacca.log": f"{stage.folder}/front-access.log",
        },
    )


def _haproxy(text: str, stage: Stage) -> str:
    changes = {
        "bind :443 ": f"bind 127.0.0.1:{stage.port} ",
        "/etc/attacca": str(stage.folder),
        "/run/attacca": str(stage.folder),
    }
    return _replaced(text, changes)


def _caddy(text: str, stage: Stage) -> str:
    changes = {
        "\nedge.example {": f"\nhttps://{HOST}:{stage.port} {{\n\tbind 127.0.0.1",
        "/etc/attacca": str(stage.folder),
        "/run/attacca": str(stage.folder),
    }
    return _replaced(text, changes)


FRONTS: Final = (
    Front(
        "nginx",
        "nginx.conf",
        "x-forwarded-for",
        ("1.1", "2"),
        _nginx,
        lambda path: ("-c", str(path), "-p", str(path.parent), "-g", "daemon off; pid front.pid;"),
    ),
    Front(
        "haproxy", "haproxy.cfg", "proxy", ("1.1", "2"), _haproxy, lambda path: ("-f", str(path))
    ),
    Front(
        "caddy",
        "Caddyfile",
        "x-forwarded-for",
        ("1.1", "2", "3"),
        _caddy,
        lambda path: ("run", "--config", str(path), "--adapter", "caddyfile"),
    ),
)


def _wait_for(stage: Stage, process: subprocess.Popen[bytes]) -> None:
    end_s = time.monotonic() + START_S_MAX
    while time.monotonic() < end_s and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", stage.port), 1):
            return
        time.sleep(0.05)
    raise CacheFailedError(f"a front does not start: {stage.log()[-800:]}")
