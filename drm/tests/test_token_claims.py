from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drm.errors import ClaimsError
from drm.token_claims import IDS_MAX, TIME_S_MAX, TokenClaims, texts_of

TRACK = "0" * 21 + "A"
OTHER = "0" * 21 + "B"
ALBUM = "0" * 21 + "C"
VERSION = "0123456789abcdef"
AUDIO = f"/v1/audio/{TRACK}/{VERSION}"


def claims(**changes: object) -> TokenClaims:
    values: dict[str, object] = {
        "session": "s",
        "issued_s": 1000,
        "expires_s": 2000,
    }
    if "prefixes" not in changes:
        values["tracks"] = (TRACK,)
    return TokenClaims(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(f"/v1/tracks/{TRACK}", id="the record itself"),
        pytest.param(f"{AUDIO}/flac.mp4", id="audio"),
        pytest.param(f"{AUDIO}/manifest.mpd", id="manifest"),
        pytest.param("/v1/licenses/clearkey", id="license"),
        pytest.param("/v1/licenses/hls/x", id="key"),
        pytest.param("/v1/covers/0f-640.webp", id="cover"),
        pytest.param("/v1/covers/a%20b", id="encoded where it must be"),
    ],
)
def test_a_token_for_a_track_opens_what_a_player_needs(path: str):
    assert claims().allows(path)


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(f"/v1/tracks/{OTHER}", id="another track"),
        pytest.param(f"/v1/tracks/{TRACK}0", id="a longer id"),
        pytest.param("/v1/tracks", id="the folder above"),
        pytest.param("/v1/library", id="the library"),
        pytest.param(f"/v1/albums/{ALBUM}", id="an album"),
        pytest.param(f"/v1/albums/{TRACK}", id="an album that goes by the track's id"),
        pytest.param(f"/v2/tracks/{TRACK}", id="another version of the interface"),
        pytest.param(f"x/v1/tracks/{TRACK}", id="no path"),
        pytest.param("", id="nothing"),
        pytest.param(f"/v1/audio/{TRACK}/../{OTHER}/{VERSION}/flac.mp4", id="dot segment"),
        pytest.param(f"/v1/audio/{TRACK}/%2e%2e/{OTHER}/x", id="encoded dots"),
        pytest.param(f"/v1/audio/{TRACK}/%2E./{OTHER}/x", id="encoded dots in capitals"),
        pytest.param(f"/v1/audio/{TRACK}//x", id="empty segment"),
        pytest.param(f"/v1/audio/{TRACK}/..\\x", id="backslash"),
        pytest.param(f"/v1/audio/{TRACK}/%5cx", id="encoded backslash"),
        pytest.param(f"/v1/audio/{TRACK}/%2f..", id="encoded slash"),
        pytest.param(f"/v1/audio/{TRACK}/a\0", id="NUL"),
        pytest.param(f"{AUDIO}/%66lac.mp4", id="a letter encoded without need"),
    ],
)
def test_it_opens_nothing_else(path: str):
    assert not claims().allows(path)


@pytest.mark.parametrize(
    ("path", "is_allowed"),
    [
        pytest.param(f"{AUDIO}/flac.mp4", False, id="another rendition"),
        pytest.param(f"{AUDIO}/flac.json", False, id="another rendition's index"),
        pytest.param(f"{AUDIO}/aac-160.mp4", True, id="audio"),
        pytest.param(f"{AUDIO}/aac-160.m3u8", True, id="playlist"),
        pytest.param(f"{AUDIO}/aac-160.json", True, id="index"),
        pytest.param(f"{AUDIO}/aac-160", True, id="no extension"),
        pytest.param(f"{AUDIO}/manifest.mpd", True, id="MPD"),
        pytest.param(f"{AUDIO}/master.m3u8", True, id="multivariant playlist"),
        pytest.param(f"{AUDIO}/hls.m3u8", True, id="multivariant playlist for hls.js"),
        pytest.param(f"{AUDIO}/hls.mp4", False, id="a manifest's name with another extension"),
        pytest.param(f"{AUDIO}/aac-160.mp4/x", False, id="below a file"),
        pytest.param(f"{AUDIO}/aac-1600.mp4", False, id="a longer name"),
        pytest.param(f"{AUDIO}/", False, id="no file"),
        pytest.param(AUDIO, True, id="the folder, which has no content"),
        pytest.param(f"/v1/tracks/{TRACK}", True, id="not audio"),
        pytest.param(f"/v1/%61udio/{TRACK}/{VERSION}/flac.mp4", False, id="audio in disguise"),
    ],
)
def test_renditions_narrow_audio_only(path: str, is_allowed: bool):
    narrowed = claims(prefixes=("/v1/",), renditions=frozenset({"aac-160"}))
    assert narrowed.allows(path) is is_allowed


@pytest.mark.parametrize(
    ("path", "is_allowed"),
    [
        pytest.param(f"/v1/albums/{ALBUM}", True, id="its document"),
        pytest.param(f"/v1/albums/{ALBUM}/manifest.mpd", True, id="MPD"),
        pytest.param(f"/v1/albums/{ALBUM}/hls.m3u8", True, id="multivariant playlist"),
        pytest.param(f"/v1/albums/{ALBUM}/aac-160.hls.m3u8", True, id="playlist"),
        pytest.param(f"/v1/albums/{ALBUM}/flac.m3u8", False, id="another rendition's playlist"),
        pytest.param(f"/v1/albums/{ALBUM}/aac-160.m3u8/x", False, id="below a file"),
        pytest.param(f"/v1/albums/{OTHER}", False, id="another album"),
        pytest.param(f"{AUDIO}/aac-160.mp4", True, id="audio of its track"),
        pytest.param(f"/v1/audio/{OTHER}/{VERSION}/aac-160.mp4", False, id="another track's"),
        pytest.param("/v1/covers/0f-640.jpg", True, id="cover"),
    ],
)
def test_a_token_for_an_album_opens_it_beside_its_tracks(path: str, is_allowed: bool):
    one = claims(albums=(ALBUM,), renditions=frozenset({"aac-160"}), is_path_bound=True)
    assert one.allows(path) is is_allowed


@given(st.text(alphabet="/.%2eEfF5cA0\\\0av1udio", max_size=40))
def test_no_path_leads_out_of_a_prefix(path: str):
    prefix = "/v1/audio/a/"
    if claims(prefixes=(prefix,)).allows(path):
        assert (path + "/").startswith(prefix)
        assert ".." not in path.replace("%2e", ".").replace("%2E", ".").split("/")


def test_a_track_is_open_when_all_of_its_audio_is():
    assert claims().allows_track(TRACK)
    assert claims(prefixes=("/v1/",)).allows_track(TRACK)
    assert not claims().allows_track(OTHER)
    assert not claims(prefixes=(f"/v1/audio/{TRACK}/{VERSION}/",)).allows_track(TRACK)
    assert not claims(prefixes=(f"/v1/tracks/{TRACK}/",)).allows_track(TRACK)


@pytest.mark.parametrize(
    ("network", "address", "is_allowed"),
    [
        pytest.param(None, "anything", True, id="no network"),
        pytest.param("192.0.2.0/24", "192.0.2.7", True, id="inside"),
        pytest.param("192.0.2.0/24", "192.0.3.7", False, id="outside"),
        pytest.param("192.0.2.0/24", "::ffff:192.0.2.7", True, id="IPv4 on a dual-stack socket"),
        pytest.param("2001:db8::/32", "2001:db8::1", True, id="IPv6"),
        pytest.param("2001:db8::/32", "192.0.2.7", False, id="other family"),
        pytest.param("192.0.2.0/24", "unix", False, id="no address"),
    ],
)
def test_a_network_is_checked(network: str | None, address: str, is_allowed: bool):
    assert claims(network=network).allows_client(address) is is_allowed


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"expires_s": 1000}, id="expires when issued"),
        pytest.param({"issued_s": -1}, id="before the epoch"),
        pytest.param({"expires_s": TIME_S_MAX + 1}, id="beyond exact integers"),
        pytest.param({"issued_s": True}, id="a bool for a time"),
        pytest.param({"issued_s": 1000.5}, id="a fraction for a time"),
        pytest.param({"session": ""}, id="no session"),
        pytest.param({"session": "s" * 65}, id="long session"),
        pytest.param({"session": "a b"}, id="session with a space"),
        pytest.param({"prefixes": ()}, id="opens nothing"),
        pytest.param({"tracks": (TRACK, TRACK)}, id="a track twice"),
        pytest.param({"tracks": ("../x",)}, id="no track id"),
        pytest.param({"tracks": tuple(f"{n:022}" for n in range(IDS_MAX + 1))}, id="too many"),
        pytest.param({"albums": ("",)}, id="no album id"),
        pytest.param({"albums": (ALBUM, OTHER), "is_path_bound": True}, id="albums in a path"),
        pytest.param({"prefixes": ("/v1/",) * 65}, id="too many prefixes"),
        pytest.param({"prefixes": ("v1/",)}, id="relative prefix"),
        pytest.param({"prefixes": ("/v1",)}, id="prefix without a slash at its end"),
        pytest.param({"prefixes": ("/v1/../",)}, id="dot segment"),
        pytest.param({"prefixes": ("/v1/a..b/",)}, id="two dots within"),
        pytest.param({"prefixes": ("/v1//",)}, id="empty segment"),
        pytest.param({"prefixes": ("/v1/%61/",)}, id="percent"),
        pytest.param({"prefixes": ("/" + "a" * 256 + "/",)}, id="long prefix"),
        pytest.param({"renditions": frozenset()}, id="no rendition"),
        pytest.param({"renditions": frozenset({"FLAC"})}, id="capitals"),
        pytest.param({"renditions": frozenset({"flac.mp4"})}, id="dot in a rendition"),
        pytest.param({"renditions": frozenset(map(str, range(33)))}, id="too many renditions"),
        pytest.param({"network": "192.0.2.1/24"}, id="host bits"),
        pytest.param({"network": "192.0.2.0"}, id="no prefix length"),
        pytest.param({"network": "2001:DB8::/32"}, id="not canonical"),
        pytest.param({"network": "everyone"}, id="no network"),
        pytest.param({"prefixes": ("/v1/",), "is_path_bound": True}, id="everything, in a path"),
        pytest.param({"prefixes": ("/",), "is_path_bound": True}, id="root, in a path"),
        pytest.param(
            {"prefixes": ("/v1/audio/",), "is_path_bound": True}, id="all audio in a path"
        ),
    ],
)
def test_claims_that_no_token_may_carry(changes: Mapping[str, object]):
    with pytest.raises(ClaimsError):
        claims(**changes)


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        pytest.param(["a", "b"], ("a", "b"), id="texts"),
        pytest.param([], (), id="none of them"),
        pytest.param(["a", 1], None, id="a number among them"),
        pytest.param("ab", None, id="a text alone"),
    ],
)
def test_a_list_of_texts_is_nothing_else(value: object, texts: tuple[str, ...] | None):
    assert texts_of(value) == texts
