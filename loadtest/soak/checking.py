"""Listeners of the soak: they ask in every way, and check each byte that comes."""

import email.utils
import random
import re
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from loadtest.behaviours.content import is_content
from loadtest.behaviours.listener import Answer, Manner, ask
from loadtest.behaviours.resource import LIE_BYTES, variant_path
from loadtest.soak.world import KIB, LANGUAGES, Kind, Object

# Far more than a cache may wait for its origin: who has heard nothing by then is stuck.
DEADLINE_S: Final = 15.0
_WRONG_SHOWN: Final = 20

_TAG: Final = re.compile(r'"v(\d+)"$')
_CONTENT_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+)$")
_BOUNDARY: Final = re.compile(r'multipart/byteranges; *boundary="?([^";]+)"?$')
# What is stale may be sent where the origin cannot be reached (RFC 9111 section 4.2.4).
_NOBODY_ASKED: Final = re.compile(
    r"fwd=stale.*detail=(circuit_open|upstream_(unreachable|lost|timeout))"
)
_EPOCH_S: Final = 1_600_000_000
_DAY_S: Final = 86400


@dataclass(slots=True)
class Tally:
    """What the listeners have seen.

    Attributes:
        answers: by status; 0 is none at all, as from an edge that was killed meanwhile.
        away: how often nobody listened.
        content_bytes: that were checked.
        wrong: what was wrong, in words.
    """

    answers: Counter[int] = field(default_factory=Counter)
    away: int = 0
    content_bytes: int = 0
    wrong: list[str] = field(default_factory=list)

    def note_wrong(self, text: str) -> None:
        """Note what is wrong, and tell it while what caused it can still be seen."""
        self.wrong.append(text)
        if len(self.wrong) <= _WRONG_SHOWN:
            print(f"  WRONG at {datetime.now(UTC):%H:%M:%S.%f}: {text}", flush=True)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, and what may be served to it.

    Attributes:
        target: the object.
        fields: of the request.
        how: see `Manner`.
        content_path: what the content is a function of.
        oldest: version that may be served.
        oldest_asked: the same if the origin could be asked.
    """

    target: Object
    fields: Mapping[str, str]
    how: Manner
    content_path: str
    oldest: int
    oldest_asked: int = 1


class WrongAnswerError(Exception):
    """An answer that must not be."""


async def ask_and_check(url: str, target: Object, choice: random.Random, tally: Tally) -> Answer:
    """Ask for an object in some way, and check what comes."""
    asked = _some_request(target, choice)
    answer = await ask(url, target.path, asked.fields, **asked.how)
    if answer.done_s == 0:
        tally.away += 1
        return answer
    tally.answers[answer.status] += 1
    tally.content_bytes += len(answer.body)
    try:
        check(asked, answer)
    except WrongAnswerError as error:
        told = f"{answer.status} {answer.fields.get('cache-status')}"
        what = f"{target.path} ({target.kind.name}) {dict(asked.fields)} {asked.how}"
        tally.note_wrong(f"{what}: {error}; {told}, after {answer.done_s:.2f} s")
    return answer


def _some_request(target: Object, choice: random.Random) -> Asked:
    fields: dict[str, str] = {}
    how: Manner = {"deadline_s": DEADLINE_S}
    content_path, length = target.path, target.resource.length
    if target.kind is Kind.VARYING:
        fields["Accept-Language"] = choice.choice(LANGUAGES)
        content_path = variant_path(target.path, fields["Accept-Language"])
    start = choice.randrange(length)
    match choice.randrange(10):
        case 0 | 1:
            pass
        case 2:
            how["method"] = "HEAD"
        case 3:
            fields["If-None-Match"] = f'"v{choice.randrange(1, target.resource.version + 1)}"'
        case 4:
            fields["Range"] = f"bytes={start}-{start + 999},0-9,{max(0, start - 5000)}-{start}"
        case 5:
            fields["Range"] = f"bytes=-{choice.choice((1, 5000, 100 * KIB))}"
        case _:
            stop = start + choice.choice((1, 64 * KIB, 300 * KIB, 1 << 20))
            fields["Range"] = f"bytes={start}-{stop - 1}"
    if choice.random() < 0.1:
        how["stop_after"] = choice.randrange(1, length)
    if choice.random() < 0.05:
        how["pause_s"] = 0.5
    oldest = target.oldest_for(time.monotonic())
    return Asked(target, fields, how, content_path, oldest, target.soft_floor)


def check(asked: Asked, answer: Answer) -> None:
    """Check an answer as far as it came.

    Raises:
        WrongAnswerError: it must not be.
    """
    match answer.status:
        case 0 | 404 | 416 | 429 | 500 | 502 | 503 | 504 | 302:
            return
        case 304:
            _check_unchanged(asked, answer)
        case 200:
            _check_whole(asked, answer)
        case 206:
            _check_part(asked, answer)
        case _:
            raise WrongAnswerError(f"status {answer.status}")


def _check_unchanged(asked: Asked, answer: Answer) -> None:
    tag = _TAG.match(asked.fields.get("If-None-Match", ""))
    if tag is None:
        return  # An origin that says so without having been asked is not believed, only heard.
    _expect_version(asked, answer, int(tag[1]))


def _check_whole(asked: Asked, answer: Answer) -> None:
    version = _version_of(asked, answer)
    length = asked.target.length_of(version)
    announced = answer.fields.get("content-length")
    if answer.is_whole and asked.how.get("method") == "HEAD":
        # What the origin lies to a HEAD is its word against nothing.
        lie = str(length + LIE_BYTES)
        _expect(announced in {None, lie, str(length)}, f"HEAD says {announced} of {length}")
        return
    if answer.is_whole:
        _expect(len(answer.body) == length, f"{len(answer.body)} of {length} bytes of v{version}")
    _expect(is_content(answer.body, asked.content_path, version), f"bytes that v{version} has not")


def _check_part(asked: Asked, answer: Answer) -> None:
    version = _version_of(asked, answer)
    boundary = _BOUNDARY.match(answer.fields.get("content-type", ""))
    if boundary is None:
        _check_range(asked, answer.fields, answer.body, version, is_whole=answer.is_whole)
    elif answer.is_whole and asked.how.get("method") != "HEAD":
        for fields, body in _parts_of(answer.body, boundary[1]):
            _check_range(asked, fields, body, version, is_whole=True)


def _check_range(
    asked: Asked, fields: Mapping[str, str], body: bytes, version: int, *, is_whole: bool
) -> None:
    told = _CONTENT_RANGE.match(fields.get("content-range", ""))
    if told is None:
        # Without a total nothing may be stored; it may be passed on.
        _expect(
            fields.get("content-range", "").endswith("/*"),
            f"Content-Range: {fields.get('content-range')}",
        )
        return
    start, last, total = map(int, told.groups())
    length = asked.target.length_of(version)
    # What the origin lies about the length comes out at its end, and no sooner.
    is_told = total in {length, length + LIE_BYTES}
    _expect(is_told, f"a total of {total} instead of {length} of v{version}")
    if is_whole and asked.how.get("method") != "HEAD":
        _expect(len(body) == last + 1 - start, f"{len(body)} bytes under {told[0]}")
    # Where nothing is stored, what the origin says is passed on, another range too: it is labelled.
    right = is_content(body, asked.content_path, version, start=start)
    _expect(right, f"bytes that v{version} has not at {start}")


def _parts_of(body: bytes, boundary: str) -> list[tuple[dict[str, str], bytes]]:
    pieces = body.split(b"--" + boundary.encode())
    _expect(len(pieces) > 2, "a multipart answer without parts")
    parts = []
    for piece in pieces[1:-1]:
        head, _, content = piece.partition(b"\r\n\r\n")
        lines = (line.partition(":") for line in head.decode("latin-1").split("\r\n") if line)
        fields = {name.lower(): value.strip() for name, _, value in lines}
        parts.append((fields, content.removesuffix(b"\r\n")))
    return parts


def _version_of(asked: Asked, answer: Answer) -> int:
    """The version that the answer says it is of, if that may be served still."""
    tag = _TAG.match(answer.fields.get("etag", ""))
    if tag is not None:
        version = int(tag[1])
    else:
        dated = email.utils.parsedate_to_datetime(answer.fields["last-modified"]).timestamp()
        version = round((dated - _EPOCH_S) / _DAY_S)
    _expect_version(asked, answer, version)
    return version


def _expect_version(asked: Asked, answer: Answer, version: int) -> None:
    is_asked = _NOBODY_ASKED.search(answer.fields.get("cache-status", "")) is None
    oldest = max(asked.oldest, asked.oldest_asked if is_asked else 1)
    _expect(version >= oldest, f"v{version} served, v{oldest} is the oldest left")


def _expect(is_so: object, otherwise: str) -> None:
    if not is_so:
        raise WrongAnswerError(otherwise)
