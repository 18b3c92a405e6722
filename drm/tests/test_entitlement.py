import itertools
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drm.entitlement import entitled_keys, key_classes_of
from drm.errors import LicenseRefusedError
from drm.ports import StoredContentKey
from drm.token_claims import TokenClaims
from packager.content_key import ContentKey
from packager.renditions import KeyClass

TRACKS = ("0" * 21 + "A", "0" * 21 + "B")


def stored(number: int, track_id: str, key_class: KeyClass) -> StoredContentKey:
    return StoredContentKey(track_id, key_class, 1, ContentKey(uuid.UUID(int=number), bytes(16)))


STORED = [
    stored(number, track_id, key_class)
    for number, (track_id, key_class) in enumerate(itertools.product(TRACKS, KeyClass))
]
STORED_BY_KID = {one.content_key.kid: one for one in STORED}
# Whichever scheme the files are under: a token names renditions.
LOSSY = {KeyClass.LOSSY, KeyClass.LOSSY_CTR}
LOSSLESS = {KeyClass.LOSSLESS, KeyClass.LOSSLESS_CTR}
UNKNOWN = uuid.UUID(int=99)


def claims(*tracks: str, renditions: frozenset[str] | None = None) -> TokenClaims:
    return TokenClaims("s", 1, 2, () if tracks else ("/v1/",), renditions, tracks=tracks)


@pytest.mark.parametrize(
    ("renditions", "expected"),
    [
        pytest.param(None, set(KeyClass), id="open"),
        pytest.param({"flac"}, LOSSLESS, id="lossless"),
        pytest.param({"aac-160"}, LOSSY, id="lossy"),
        pytest.param({"opus-24"}, LOSSY, id="the lowest rung"),
        pytest.param({"vorbis-160"}, {KeyClass.SEALED}, id="sealed"),
        pytest.param({"flac", "aac-160"}, LOSSLESS | LOSSY, id="two"),
        pytest.param({"gone"}, set(), id="a rendition that is not ours"),
    ],
)
def test_renditions_reach_key_classes(renditions: set[str] | None, expected: set[KeyClass]):
    one = claims(renditions=None if renditions is None else frozenset(renditions))
    assert key_classes_of(one) == expected


@given(
    st.lists(st.sampled_from([*STORED_BY_KID, UNKNOWN]), unique=True),
    st.sets(st.sampled_from(TRACKS)),
    st.none() | st.frozensets(st.sampled_from(["flac", "aac-160", "vorbis-160"]), min_size=1),
)
def test_all_keys_are_given_or_none(
    kids: list[uuid.UUID], tracks: set[str], renditions: frozenset[str] | None
):
    one = claims(*sorted(tracks), renditions=renditions)
    open_tracks = tracks or set(TRACKS)
    allowed = {
        kid
        for kid, key in STORED_BY_KID.items()
        if key.track_id in open_tracks and key.key_class in key_classes_of(one)
    }
    try:
        keys = entitled_keys(one, kids, STORED_BY_KID)
    except LicenseRefusedError:
        assert not set(kids) <= allowed
    else:
        assert set(kids) <= allowed
        assert [key.kid for key in keys] == kids


def test_an_unknown_kid_is_refused_like_a_forbidden_one():
    messages = set()
    for kid in (UNKNOWN, STORED[-1].content_key.kid):
        with pytest.raises(LicenseRefusedError) as raised:
            entitled_keys(claims(TRACKS[0]), [kid], STORED_BY_KID)
        messages.add(str(raised.value))
    assert len(messages) == 1
