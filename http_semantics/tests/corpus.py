r"""Requests that the authors of gunicorn have collected, from the source archive of its release.

In a file of theirs, line ends mean nothing, and `\r`, `\n`, `\t`, `\0` and `\xHH` stand for bytes.
"""

import functools
import re
import sys
import tarfile
from pathlib import Path
from typing import Final

FOLDER: Final = Path(sys.prefix) / "corpus"
INVALID: Final = "invalid"
VALID: Final = "valid"

_MEMBER: Final = re.compile(rf"[^/]+/tests/requests/({INVALID}|{VALID})/([^/]+)\.http")
_ESCAPE: Final = re.compile(rb"\\(?:x([0-9A-Fa-f]{2})|([rnt0]))")
_NAMED: Final = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"0": b"\0"}
_WITHOUT_HOST: Final = re.compile(rb"( HTTP/1\.1\r\n)(?!(?:[^\r\n]+\r\n)*host:)", re.IGNORECASE)


@functools.cache
def requests(kind: str) -> dict[str, bytes]:
    """What is sent, by name; nothing if the archive is not there."""
    by_name: dict[str, bytes] = {}
    for path in FOLDER.glob("gunicorn-*.tar.gz"):
        with tarfile.open(path) as archive:
            for member in archive:
                match = _MEMBER.fullmatch(member.name)
                if match is not None and match[1] == kind:
                    file = archive.extractfile(member)
                    assert file is not None
                    by_name[match[2]] = _unescaped(file.read())
    return dict(sorted(by_name.items()))


def with_host(sent: bytes) -> bytes:
    """Name a host in each request that ought to: most of them are about something else."""
    return _WITHOUT_HOST.sub(rb"\1Host: a\r\n", sent)


def _unescaped(text: bytes) -> bytes:
    return _ESCAPE.sub(
        lambda match: bytes([int(match[1], 16)]) if match[1] else _NAMED[match[2]],
        text.replace(b"\n", b""),
    )
