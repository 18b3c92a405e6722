from collections.abc import Mapping

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drm.errors import ClaimsError, RequestError, TokenRequestError, TrackIdError
from drm.token_claims import TokenClaims
from drm.token_request import (
    DURATION_S_MAX,
    TRACKS_MAX,
    IssuedToken,
    TokenLimits,
    decode_token_request,
    encode_issued_token,
)
from packager.renditions import PROFILES

TRACK = "0" * 21 + "A"
OTHER = "0" * 21 + "B"
ALBUM = "0" * 21 + "C"
LIMITS = TokenLimits(ttl_s=3600, ttl_s_max=86_400, key_lead_s=300)


def claims(**members: object) -> TokenClaims:
    request = decode_token_request(orjson.dumps(members))
    return request.claims(LIMITS, now_s=1000.9, new_session="new")


@pytest.mark.parametrize(
    ("members", "lifetime_s"),
    [
        pytest.param({}, 3600, id="default"),
        pytest.param({"ttl_s": 60}, 60, id="short"),
        pytest.param({"ttl_s": 10**9}, 86_400, id="longest"),
        pytest.param({"tracks": [TRACK], "duration_s": 240}, 3600, id="a track by default"),
        pytest.param({"tracks": [TRACK], "ttl_s": 86_400, "duration_s": 240}, 4080, id="its music"),
        pytest.param({"tracks": [TRACK], "ttl_s": 60, "duration_s": 240}, 60, id="shorter than it"),
        pytest.param(
            {"tracks": [TRACK], "ttl_s": 10**6, "duration_s": 86_400}, 86_400, id="long music"
        ),
        pytest.param({"ttl_s": 86_400, "duration_s": 240}, 86_400, id="music without a track"),
        pytest.param(
            {"tracks": [TRACK] * TRACKS_MAX, "ttl_s": 60, "duration_s": TRACKS_MAX * 12 * 3600},
            60,
            id="as many of the longest tracks as there may be",
        ),
    ],
)
def test_a_lifetime_is_shortened_to_what_is_allowed(members: Mapping[str, object], lifetime_s: int):
    one = claims(**members)
    assert (one.issued_s, one.expires_s) == (1000, 1000 + lifetime_s)


def test_a_token_for_tracks_may_travel_in_a_path():
    one = claims(tracks=[TRACK, OTHER, TRACK], renditions=["flac"], session="mine", duration_s=9)
    assert one.is_path_bound
    assert (one.tracks, one.albums, one.prefixes) == ((TRACK, OTHER), (), ())
    assert (one.session, one.renditions) == ("mine", frozenset({"flac"}))


def test_a_token_for_an_album_names_its_tracks():
    one = claims(album=ALBUM, tracks=[TRACK, OTHER], duration_s=9)
    assert (one.tracks, one.albums, one.is_path_bound) == ((TRACK, OTHER), (ALBUM,), True)


def test_a_token_that_may_travel_in_a_path_is_bound_to_renditions_by_name():
    assert claims(tracks=[TRACK], duration_s=9).renditions == frozenset(PROFILES)


def test_a_token_for_tracks_without_their_length_is_not_issued():
    with pytest.raises(TokenRequestError, match="duration_s"):
        claims(tracks=[TRACK], ttl_s=60)


@pytest.mark.parametrize(
    ("members", "prefixes"),
    [
        pytest.param({}, ("/v1/",), id="everything"),
        pytest.param({"tracks": None, "prefixes": None}, ("/v1/",), id="null is absent"),
        pytest.param({"prefixes": ["/v1/covers/"]}, ("/v1/covers/",), id="paths"),
    ],
)
def test_a_token_for_paths_does_not_travel_in_one(
    members: Mapping[str, object], prefixes: tuple[str, ...]
):
    one = claims(**members, network="192.0.2.0/24")
    assert (one.prefixes, one.is_path_bound) == (prefixes, False)
    assert (one.session, one.renditions, one.network) == ("new", None, "192.0.2.0/24")


@pytest.mark.parametrize(
    ("data", "error"),
    [
        pytest.param(b"", TokenRequestError, id="nothing"),
        pytest.param(b"[]", TokenRequestError, id="a list"),
        pytest.param(b'{"admin":true}', TokenRequestError, id="unknown member"),
        pytest.param(b'{"tracks":[]}', TokenRequestError, id="no track"),
        pytest.param(b'{"tracks":"x"}', TokenRequestError, id="tracks are no list"),
        pytest.param(b'{"tracks":[1]}', TokenRequestError, id="a track is no text"),
        pytest.param(b'{"tracks":["../x"],"duration_s":9}', TrackIdError, id="no track id"),
        pytest.param(
            orjson.dumps({"tracks": [TRACK] * (TRACKS_MAX + 1), "duration_s": 9}),
            TokenRequestError,
            id="too many",
        ),
        pytest.param(
            orjson.dumps({"tracks": [TRACK], "prefixes": ["/v1/"]}), TokenRequestError, id="both"
        ),
        pytest.param(orjson.dumps({"album": ALBUM}), TokenRequestError, id="an album alone"),
        pytest.param(
            orjson.dumps({"album": ALBUM, "prefixes": ["/v1/"]}),
            TokenRequestError,
            id="an album and paths",
        ),
        pytest.param(
            orjson.dumps({"album": "../x", "tracks": [TRACK], "duration_s": 9}),
            TokenRequestError,
            id="no album id",
        ),
        pytest.param(b'{"album":1}', TokenRequestError, id="album is no text"),
        pytest.param(b'{"prefixes":["v1"]}', ClaimsError, id="wrong prefix"),
        pytest.param(b'{"prefixes":[]}', ClaimsError, id="no prefix"),
        pytest.param(b'{"renditions":["mp3"]}', TokenRequestError, id="unknown rendition"),
        pytest.param(b'{"renditions":[]}', ClaimsError, id="no rendition"),
        pytest.param(b'{"ttl_s":0}', TokenRequestError, id="no time"),
        pytest.param(b'{"ttl_s":1.5}', TokenRequestError, id="fraction"),
        pytest.param(b'{"ttl_s":true}', TokenRequestError, id="bool"),
        pytest.param(b'{"duration_s":0}', TokenRequestError, id="no music"),
        pytest.param(
            orjson.dumps({"duration_s": DURATION_S_MAX + 1}), TokenRequestError, id="too much music"
        ),
        pytest.param(b'{"session":1}', TokenRequestError, id="session is no text"),
        pytest.param(b'{"session":"a b"}', ClaimsError, id="wrong session"),
        pytest.param(b'{"network":"everyone"}', ClaimsError, id="no network"),
    ],
)
def test_other_requests_are_refused(data: bytes, error: type[RequestError]):
    with pytest.raises(error):
        decode_token_request(data).claims(LIMITS, now_s=1000, new_session="new")


MEMBERS = st.sampled_from(
    ["tracks", "album", "prefixes", "renditions", "ttl_s", "session", "duration_s"]
)
VALUES = st.none() | st.booleans() | st.integers(-1, 2**60) | st.text(max_size=5) | st.just([TRACK])


@given(st.binary(max_size=30) | st.dictionaries(MEMBERS, VALUES).map(orjson.dumps))
def test_any_content_gives_claims_or_the_one_error(data: bytes):
    try:
        one = decode_token_request(data).claims(LIMITS, now_s=1000, new_session="new")
    except RequestError as error:
        assert error.status == 400
    else:
        assert one.expires_s - one.issued_s <= LIMITS.ttl_s_max


def test_an_issued_token_is_told_to_its_client_alone():
    issued = IssuedToken("secret", 2000, "s")
    assert "secret" not in repr(issued)
    assert orjson.loads(encode_issued_token(issued)) == {
        "token": "secret",
        "expires_s": 2000,
        "session": "s",
    }
