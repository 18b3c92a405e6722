"""Which content keys a playback token reaches. No I/O."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Final

from drm.errors import LicenseRefusedError
from drm.ports import StoredContentKey
from drm.token_claims import TokenClaims
from packager.content_key import ContentKey
from packager.renditions import PROFILES, KeyClass, Protection, profile_of

_ALL: Final = frozenset(KeyClass)
_SCHEMES: Final = (Protection.CBCS, Protection.CENC)


def key_classes_of(claims: TokenClaims) -> frozenset[KeyClass]:
    """Key classes of the renditions that `claims` open, whichever scheme protects their files.

    A rendition we do not know has none.
    """
    if claims.renditions is None:
        return _ALL
    known = claims.renditions & PROFILES.keys()
    return frozenset(profile_of(name, scheme).key_class for name in known for scheme in _SCHEMES)


def entitled_keys(
    claims: TokenClaims,
    kids: Sequence[uuid.UUID],
    stored_by_kid: Mapping[uuid.UUID, StoredContentKey],
) -> list[ContentKey]:
    """The keys of `kids` in their order: all of them or none.

    Raises:
        LicenseRefusedError: a KID is unknown, or its key is not for `claims`. It is the same error
            for both, so that nobody learns which KIDs exist.
    """
    classes = key_classes_of(claims)
    keys = [
        one.content_key
        for kid in kids
        if (one := stored_by_kid.get(kid)) is not None
        and one.key_class in classes
        and claims.allows_track(one.track_id)
    ]
    if len(keys) != len(kids):
        raise LicenseRefusedError
    return keys
