"""What the origin serves under a path, and the answer that a request for it gets. No I/O."""

import email.utils
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from loadtest.behaviours.mischief import Fault, Mischief

_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)$", re.ASCII)
# Some day long before any version of anything.
_EPOCH_S: Final = 1_600_000_000

# How far a length is off that is a lie.
LIE_BYTES: Final = 1000

Fields = list[tuple[str, str]]


@dataclass(slots=True)
class Resource:
    """What is served under a path. Tests change it while the origin runs.

    Attributes:
        length: of the content, in bytes.
        version: of the content.
        etag_version: version that the entity tag names, if not that of the content.
        is_tagged: whether there is an entity tag.
        is_dated: whether there is a Last-Modified.
        status: of the answer; anything but 200 comes with a short content of its own.
        cache_control: value of the field, if there is one.
        fields: more fields.
        variant_field: name of a request field on whose value the content depends.
        head_delay_s: until the head is sent.
        bytes_per_s: rate of the content, if it is limited.
        is_chunked: whether the content comes in chunks, without a length.
        clock_skew_s: how far Date is ahead.
        fault: what it does wrong.
        faults_left: how many more requests that happens to; None is all.
    """

    length: int
    version: int = 1
    etag_version: int | None = None
    is_tagged: bool = True
    is_dated: bool = True
    status: int = 200
    cache_control: str | None = "public, max-age=3600"
    fields: tuple[tuple[str, str], ...] = ()
    variant_field: str | None = None
    head_delay_s: float = 0.0
    bytes_per_s: float | None = None
    is_chunked: bool = False
    clock_skew_s: float = 0.0
    fault: Fault | None = None
    faults_left: int | None = None

    @property
    def etag(self) -> str:
        """The entity tag, strong."""
        return f'"v{self.version if self.etag_version is None else self.etag_version}"'

    @property
    def last_modified(self) -> str:
        """Another day for each version that the entity tag names."""
        named = self.version if self.etag_version is None else self.etag_version
        return email.utils.formatdate(_EPOCH_S + 86400 * named, usegmt=True)

    def take_fault(self) -> Fault | None:
        """The fault for one more request, if it happens to this one."""
        if self.fault is None or self.faults_left == 0:
            return None
        if self.faults_left is not None:
            self.faults_left -= 1
        return self.fault


@dataclass(frozen=True, slots=True)
class Plan:
    """An answer: its head, and which part of the content follows.

    Attributes:
        status: of the answer.
        fields: of the answer; the framing is among them.
        content_path: what the content is a function of, beside version and offset.
        version: of the content, as it was when the request arrived.
        start: first byte of it that is sent.
        stop: after the last one.
        text: sent in place of the content, for errors.
    """

    status: int
    fields: Fields
    content_path: str
    version: int
    start: int
    stop: int
    text: bytes | None = None


def plan_answer(
    path: str,
    resource: Resource,
    request: Mapping[str, str],
    *,
    fault: Fault | None,
    now_s: float,
) -> Plan:
    """What to answer to a request with the fields `request` (names in lower case)."""
    kind = None if fault is None else fault.kind
    fields = _fields_of(resource, now_s)
    content_path = _content_path(path, resource, request)

    def plan(status: int, start: int, stop: int, text: bytes | None = None) -> Plan:
        return Plan(status, fields, content_path, resource.version, start, stop, text)

    if kind is Mischief.REDIRECT:
        # One that said for how long could rightly be kept.
        fields[:] = [field for field in fields if field[0] != "Cache-Control"]
        fields.append(("Location", f"{path}-elsewhere"))
        return plan(302, 0, 0, b"")
    if resource.status != 200:
        return plan(resource.status, 0, 0, f"status {resource.status}".encode())
    is_conditional = "if-none-match" in request or "if-modified-since" in request
    if _is_unchanged(resource, request) or (kind is Mischief.UNASKED_304 and not is_conditional):
        return plan(304, 0, 0, b"")
    wanted = _range_of(resource, request)
    if kind is Mischief.UNASKED_206 and wanted is None:
        wanted = (0, resource.length // 2)
    if wanted is None or kind is Mischief.IGNORE_RANGE:
        return plan(200, 0, resource.length)
    start, stop = wanted
    if start >= stop:
        fields.append(("Content-Range", f"bytes */{resource.length}"))
        return plan(416, 0, 0, b"")
    if kind is Mischief.OTHER_RANGE:
        start, stop = _another(start, stop, resource.length)
    total = _total(resource, kind)
    fields.append(("Content-Range", f"bytes {start}-{stop - 1}/{total}"))
    return plan(206, start, stop)


def _fields_of(resource: Resource, now_s: float) -> Fields:
    fields = [
        ("Date", email.utils.formatdate(now_s + resource.clock_skew_s, usegmt=True)),
        ("Content-Type", "audio/mp4"),
        ("Accept-Ranges", "bytes"),
    ]
    if resource.is_tagged and resource.status == 200:
        fields.append(("ETag", resource.etag))
    if resource.is_dated and resource.status == 200:
        fields.append(("Last-Modified", resource.last_modified))
    if resource.cache_control is not None:
        fields.append(("Cache-Control", resource.cache_control))
    if resource.variant_field is not None:
        fields.append(("Vary", resource.variant_field))
    fields.extend(resource.fields)
    return fields


def _content_path(path: str, resource: Resource, request: Mapping[str, str]) -> str:
    if resource.variant_field is None:
        return path
    return variant_path(path, request.get(resource.variant_field.lower(), ""))


def variant_path(path: str, value: str) -> str:
    """What the content is a function of, where it depends on a request field."""
    return f"{path} for {value}"


def _is_unchanged(resource: Resource, request: Mapping[str, str]) -> bool:
    if "if-none-match" in request:
        tags = [tag.strip().removeprefix("W/") for tag in request["if-none-match"].split(",")]
        return resource.is_tagged and (resource.etag in tags or "*" in tags)
    return resource.is_dated and request.get("if-modified-since") == resource.last_modified


def _range_of(resource: Resource, request: Mapping[str, str]) -> tuple[int, int] | None:
    """The part that is asked for; empty if there is none, None if everything is to be sent."""
    match = _RANGE.match(request.get("range", ""))
    if match is None or not any(match.groups()):
        return None
    condition = request.get("if-range")
    known = [resource.etag] * resource.is_tagged + [resource.last_modified] * resource.is_dated
    if condition is not None and condition not in known:
        return None
    first, last = match.groups()
    if not first:
        return max(0, resource.length - int(last)), resource.length
    stop = resource.length if not last else min(int(last) + 1, resource.length)
    return int(first), stop


def _another(start: int, stop: int, length: int) -> tuple[int, int]:
    """A range of the same size somewhere else, where there is room for one."""
    moved = start + 7 if stop + 7 <= length else max(0, start - 7)
    return moved, min(length, moved + stop - start)


def _total(resource: Resource, kind: Mischief | None) -> str:
    if kind is Mischief.NO_TOTAL:
        return "*"
    return str(resource.length + 4096 * (kind is Mischief.WRONG_TOTAL))
