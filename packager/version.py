"""The version of a packaged track: a digest of everything that reaches its bytes. No I/O.

Media is immutable under its version. Other inputs give another version, never other bytes under
the old one.
"""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from packager.identity import EncoderIdentity, identity_to_json
from packager.renditions import PROFILES, KeyClass, RenditionProfile

VERSION_DIGITS: Final = 16


@dataclass(frozen=True, slots=True)
class VersionInputs:
    """All that decides the bytes of a track's renditions.

    Attributes:
        master_sha256: of the master file, hexadecimal.
        context_before: digest of the neighbouring audio used before the track; empty for none.
        context_after: likewise after it.
        metadata_sha256: of the metadata that the files embed; empty for none.
        kids: identifiers of the content keys.
        profiles: the ladder.
    """

    master_sha256: str
    context_before: str
    context_after: str
    metadata_sha256: str
    identity: EncoderIdentity
    kids: Mapping[KeyClass, uuid.UUID]
    profiles: Sequence[RenditionProfile] = tuple(PROFILES.values())


def version_of(inputs: VersionInputs) -> str:
    """16 hexadecimal digits; the order of mappings does not count."""
    document = {
        "master_sha256": inputs.master_sha256,
        "context_before": inputs.context_before,
        "context_after": inputs.context_after,
        "metadata_sha256": inputs.metadata_sha256,
        "identity": identity_to_json(inputs.identity),
        "kids": {key_class.value: str(kid) for key_class, kid in inputs.kids.items()},
        "profiles": list(inputs.profiles),
    }
    canonical = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(canonical).hexdigest()[:VERSION_DIGITS]
