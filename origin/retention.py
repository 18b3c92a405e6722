"""What is kept in the store, and for how long. No I/O.

Masters and records are kept for good. Packaged renditions are a cache: one that nobody has asked
for is dropped, and packaged again when somebody does. A superseded version is spared until no
edge and no listener can hold a reference to it. What no record names is the rest of work that was
cut short.
"""

import enum
from dataclasses import dataclass
from typing import Final

from origin.object_key import (
    CONTEXTS_PREFIX,
    COVERS_PREFIX,
    FINGERPRINTS_PREFIX,
    MASTERS_PREFIX,
    RENDITIONS_PREFIX,
)
from origin.records import TrackRecord

STALE_IF_ERROR_S: Final = 86_400
"""For how long an edge may show a track's record after it could not ask for a newer one."""

LISTENING_S_MAX: Final = 25 * 3600
"""How long a token for the longest track lives: twice its twelve hours, and one."""

SPARED_S: Final = STALE_IF_ERROR_S + LISTENING_S_MAX
"""How long a superseded version is spared: an edge may still show the old record, and whoever has
read it may play until the token ends."""

ORPHAN_S: Final = 86_400
"""How old an object must be to be taken for the rest of work that was cut short."""


class Fate(enum.StrEnum):
    """What becomes of an object."""

    KEPT = "kept"
    UNUSED = "unused"
    SUPERSEDED = "superseded"
    ORPHAN = "orphan"


@dataclass(frozen=True, slots=True)
class Retention:
    """How long what is kept.

    Attributes:
        unused_s: a rendition that was asked for longer ago is dropped; None keeps all.
        spared_s: since when a version must be superseded for its renditions to be dropped.
        orphan_s: age at which an object that no record names is dropped.
    """

    unused_s: float | None
    spared_s: float = SPARED_S
    orphan_s: float = ORPHAN_S

    def fate_of_rendition(
        self, record: TrackRecord | None, version: str, *, used_s: float, now_s: float
    ) -> Fate:
        """What becomes of a rendition, or of its seek index.

        Args:
            record: of its track, if there is one.
            version: that it is of.
            used_s: when it was put or last asked for.
            now_s: the time, both in seconds since the epoch.
        """
        found = None if record is None else record.version(version)
        if found is None:
            return self.fate_of_nameless(used_s=used_s, now_s=now_s)
        if found.superseded_s is not None:
            is_spared = now_s - found.superseded_s <= self.spared_s
            return Fate.KEPT if is_spared else Fate.SUPERSEDED
        if self.unused_s is not None and now_s - used_s > self.unused_s:
            return Fate.UNUSED
        return Fate.KEPT

    def fate_of_nameless(self, *, used_s: float, now_s: float) -> Fate:
        """What becomes of an object that no record names."""
        return Fate.ORPHAN if now_s - used_s > self.orphan_s else Fate.KEPT


def names_of(record: TrackRecord) -> frozenset[str]:
    """Stems of the shared objects that a record names: its edges' contexts, and its covers."""
    contexts = {
        record.head.sha256,
        record.tail.sha256,
        *(one.context_before for one in record.versions),
        *(one.context_after for one in record.versions),
    } - {""}
    covers = set() if record.cover is None else {record.cover.digest}
    return frozenset(contexts | covers)


def name_of(key: str) -> str:
    """The stem by which records name a shared object, see `names_of`.

    A context is `contexts/{sha256}.f32`, a cover `covers/{digest}-{size}.{extension}`.
    """
    return key.partition("/")[2].partition(".")[0].partition("-")[0]


def track_of(key: str) -> str:
    """Id of the track that an object belongs to: a master, a fingerprint or a rendition."""
    assert key.startswith((MASTERS_PREFIX, FINGERPRINTS_PREFIX, RENDITIONS_PREFIX))
    return key.split("/")[1].partition(".")[0]


SHARED_PREFIXES: Final = (CONTEXTS_PREFIX, COVERS_PREFIX)
OWNED_PREFIXES: Final = (MASTERS_PREFIX, FINGERPRINTS_PREFIX)
