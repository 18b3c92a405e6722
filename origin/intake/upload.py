"""An upload: how much of it is there, what it is, and what became of it. No I/O.

upload-records/{label}/{id}.json            its record
uploads/{id}/{nonce}/{offset}-{nonce}       its bytes, until it is processed
upload-queue/{label}/{created}-{id}         names it as long as something is to be done with it

The operator's own uploads stand under the label `_` in keys. Parts have `PART_BYTES` but for those
at the end, its *tail*: what a request leaves that is not a whole part is a part of its own, and is
merged into a larger one by the requests that follow. A part's name is never used twice, and the
record alone tells which parts are the upload: whoever loses a race leaves objects, never bytes.
An upload that was removed may be created again under its id, which follows from its idempotency
key. Its parts are in another folder then: whoever still clears the old one's leaves the new one's.
"""

import enum
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from origin.object_key import check_key

PART_BYTES: Final = 8 << 20

# Of a tail; one more merges them, so that a row of small requests does not rewrite it each time.
TAIL_PARTS_MAX: Final = 16

PARTS_MAX: Final = 1 << 16
LENGTH_MAX: Final = PART_BYTES * (PARTS_MAX - TAIL_PARTS_MAX)

RECORDS_PREFIX: Final = "upload-records/"
PARTS_PREFIX: Final = "uploads/"
QUEUE_PREFIX: Final = "upload-queue/"

_ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
_FOLDER: Final = re.compile(r"[0-9a-f]{32}/[0-9a-f]{16}", re.ASCII)
_LABEL: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)
_QUEUED: Final = re.compile(r"(_|[a-z0-9][a-z0-9-]{0,62})/[0-9]{13}-([0-9a-f]{32})", re.ASCII)

# No label can be named so.
_OPERATOR: Final = "_"


class State(enum.StrEnum):
    """How far an upload is."""

    RECEIVING = "receiving"
    RECEIVED = "received"
    DECODING = "decoding"
    PACKAGING = "packaging"
    READY = "ready"
    REFUSED = "refused"
    GONE = "gone"


PROCESSED: Final = frozenset({State.RECEIVED, State.DECODING, State.PACKAGING})
"""States in which an upload is in the queue."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some bytes of an upload, as an object of their own."""

    offset: int
    size_bytes: int
    nonce: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an upload was not taken.

    Attributes:
        code: stable name of the reason.
        field: of the metadata that is at fault; `content` if it is the file itself.
        detail: what is special about this occurrence.
        advice: what to do about it.
    """

    code: str
    field: str
    detail: str
    advice: str


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A track whose audio is that of the upload.

    Attributes:
        similarity: up to 1.
        is_foreign: whether it is another label's, which this one is to learn nothing of.
    """

    track_id: str
    similarity: float
    is_foreign: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """The track that an upload became.

    Attributes:
        is_new: whether the track was not there before.
        duplicates: other tracks with the same audio, the most similar first.
    """

    track_id: str
    version: str
    is_new: bool
    duplicates: tuple[Duplicate, ...] = ()


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload as its record tells it.

    Attributes:
        label: whose it is; empty for the operator's own.
        length: bytes that it will have.
        metadata: what its sender says about it.
        nonce: of its creation; another upload with its id has another one.
        request_sha256: digest of the request that created it, for its idempotency key.
        expires_s: when it is removed; seconds since the epoch.
        parts: what is there, in order and without a gap.
        attempts: how often its processing has begun, but for those that failed for want of
            something else.
        told: states of its processing that there are events for, of attempts that failed.
        is_new: whether an attempt has made its track, which was not there before.
        is_told: whether there is an event for its state.
    """

    upload_id: str
    nonce: str
    label: str
    length: int
    metadata: Mapping[str, str]
    request_sha256: str
    created_s: int
    expires_s: int
    state: State = State.RECEIVING
    parts: tuple[Part, ...] = ()
    attempts: int = 0
    told: frozenset[State] = frozenset()
    is_new: bool = False
    is_told: bool = False
    outcome: Outcome | None = None
    refusal: Refusal | None = None

    @property
    def folder(self) -> str:
        """Where its parts are, below all parts."""
        return f"{self.upload_id}/{self.nonce}"

    @property
    def offset(self) -> int:
        """How many bytes are there."""
        return self.parts[-1].offset + self.parts[-1].size_bytes if self.parts else 0

    @property
    def is_complete(self) -> bool:
        """Whether all bytes are there."""
        return self.offset == self.length

    @property
    def tail(self) -> Sequence[Part]:
        """The parts at the end that are no whole ones."""
        count = 0
        for part in reversed(self.parts):
            if part.size_bytes >= PART_BYTES:
                break
            count += 1
        return self.parts[len(self.parts) - count :]

    def with_part(self, size_bytes: int, nonce: str, *, replaced: Sequence[Part] = ()) -> "Upload":
        """The upload with a part at its end, in place of the last ones if it holds their bytes."""
        kept = self.parts[: len(self.parts) - len(replaced)]
        offset = replaced[0].offset if replaced else self.offset
        return replace(self, parts=(*kept, Part(offset, size_bytes, nonce)))

    def in_state(self, state: State) -> "Upload":
        """The upload in another state, of which nobody knows yet."""
        return replace(self, state=state, is_told=False)


def is_upload_id(text: str) -> bool:
    """Whether `text` can be the name of an upload."""
    return _ID.fullmatch(text) is not None


def is_label(text: str) -> bool:
    """Whether `text` can be the name of a label: lower-case letters, digits and hyphens."""
    return _LABEL.fullmatch(text) is not None


def label_segment(label: str) -> str:
    """What stands for a label in keys."""
    return label or _OPERATOR


def record_key(label: str, upload_id: str) -> str:
    """Key of an upload's record."""
    return check_key(f"{RECORDS_PREFIX}{label_segment(label)}/{upload_id}.json")


def is_folder(text: str) -> bool:
    """Whether `text` can be the folder of an upload's parts."""
    return _FOLDER.fullmatch(text) is not None


def part_key(folder: str, part: Part) -> str:
    """Key of a part in the folder of its upload."""
    return check_key(f"{PARTS_PREFIX}{folder}/{part.offset:016d}-{part.nonce}")


def queue_key(upload: Upload) -> str:
    """Key that keeps an upload in the queue; those of a label sort by age."""
    name = f"{upload.created_s * 1000:013d}-{upload.upload_id}"
    return check_key(f"{QUEUE_PREFIX}{label_segment(upload.label)}/{name}")


def processing_claim(upload_id: str) -> str:
    """Name of the claim to process an upload."""
    return f"uploads/{upload_id}"


@dataclass(frozen=True, slots=True)
class QueuedUpload:
    """An entry of the queue."""

    key: str
    label: str
    upload_id: str


def parse_queue_key(key: str) -> QueuedUpload | None:
    """Which upload a key of the queue names; None if it is none of ours."""
    match = _QUEUED.fullmatch(key.removeprefix(QUEUE_PREFIX))
    if match is None:
        return None
    return QueuedUpload(key, "" if match[1] == _OPERATOR else match[1], match[2])


def parse_record_key(key: str) -> tuple[str, str] | None:
    """The label and the id that a record's key names; None if it is none of ours."""
    segment, _, name = key.removeprefix(RECORDS_PREFIX).partition("/")
    upload_id = name.removesuffix(".json")
    label = "" if segment == _OPERATOR else segment
    if not is_upload_id(upload_id) or (label and not is_label(label)):
        return None
    return label, upload_id
