"""Before anything is measured: every server has all objects, and answers with the right bytes."""

import contextlib
import random
import socket
import ssl
from collections.abc import Iterator
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from benchmarks.hits.certificate import Certificate
from benchmarks.hits.contestants import Entrant
from benchmarks.hits.shapes import Shape, Wanted
from loadtest.behaviours.content import is_content

_ANSWER_S_MAX: Final = 30.0
_SAMPLES: Final = 12
_TRIES: Final = 3
_BLOCK_BYTES: Final = 1 << 20


class WrongAnswerError(Exception):
    """A server does not do what is to be measured."""


class BrokenAnswerError(WrongAnswerError):
    """An answer breaks off."""


class Caller:
    """One connection to a server. Made by `calling`."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def ask(self, head: str) -> tuple[int, bytes]:
        """Send the head of a request; status and content of the answer."""
        self._connection.sendall(head.encode("ascii"))
        response = HTTPResponse(self._connection, method="GET")
        response.begin()
        return response.status, response.read()

    @property
    def protection(self) -> str:
        """The version of TLS and the cipher suite; empty in the clear."""
        if not isinstance(self._connection, ssl.SSLSocket):
            return ""
        cipher = self._connection.cipher()
        assert cipher is not None
        return f"{self._connection.version()} {cipher[0]}"


@contextlib.contextmanager
def calling(url: str, certificate: Certificate | None) -> Iterator[Caller]:
    """Connect to a server until the block is left."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    opened = socket.create_connection((parts.hostname, parts.port or 80), _ANSWER_S_MAX)
    if certificate is not None:
        context = ssl.create_default_context(cafile=str(certificate.chain))
        opened = context.wrap_socket(opened, server_hostname=parts.hostname)
    with opened:
        yield Caller(opened)


def warm(entrant: Entrant, shape: Shape, certificate: Certificate | None) -> None:
    """Ask for all of each object, and check every byte.

    What breaks off is asked for again: until all is here, a server depends on its origin, and on
    a machine that may be busy with other things.

    Raises:
        WrongAnswerError: one is wrong.
    """
    left = [Wanted(path, 0, shape.object_bytes, is_range=False) for path in shape.paths()]
    for number in range(_TRIES):
        try:
            with calling(entrant.url, certificate) as caller:
                while left:
                    _check(caller, entrant, left[-1])
                    left.pop()
        except BrokenAnswerError:
            if number == _TRIES - 1:
                raise
        else:
            return


def check(entrant: Entrant, shape: Shape, certificate: Certificate | None) -> str:
    """Check some of what will be asked for, and that nothing is served to who may not have it.

    Returns:
        How the connection was protected.

    Raises:
        WrongAnswerError: an answer is wrong.
    """
    requests = shape.requests()
    with calling(entrant.url, certificate) as caller:
        for wanted in random.Random(0).choices(requests, k=_SAMPLES):
            _check(caller, entrant, wanted)
        protection = caller.protection
    if entrant.is_checking:
        with calling(entrant.url, certificate) as caller:
            status, _ = caller.ask(entrant.head_of(requests[0], is_admitted=False))
        if status not in {401, 403}:
            raise WrongAnswerError(f"{entrant.url} answers {status} to who may not ask")
    return protection


def lines_of(log: Path) -> int:
    """How many lines a log has."""
    with log.open("rb") as opened:
        return sum(block.count(b"\n") for block in iter(lambda: opened.read(_BLOCK_BYTES), b""))


def _check(caller: Caller, entrant: Entrant, wanted: Wanted) -> None:
    try:
        status, content = caller.ask(entrant.head_of(wanted))
    except (OSError, HTTPException) as error:
        raise BrokenAnswerError(f"{entrant.url}{wanted.path}: {error!r}") from error
    if status != (206 if wanted.is_range else 200):
        raise WrongAnswerError(f"{entrant.url}{wanted.path}: status {status}")
    if len(content) != wanted.stop - wanted.start:
        raise WrongAnswerError(f"{entrant.url}{wanted.path}: {len(content)} bytes")
    if entrant.has_content and not is_content(content, wanted.path, 1, start=wanted.start):
        raise WrongAnswerError(f"{entrant.url}{wanted.path}: wrong bytes")
