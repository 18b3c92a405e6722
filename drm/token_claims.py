"""What a playback token grants: its claims, and what they open. No I/O and no clock."""

import functools
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from drm.base62 import WIDTH_OF_128_BITS
from drm.errors import ClaimsError

PREFIXES_MAX: Final = 64
# More ids do not fit into a token of which proxies let no more than 2 KiB through.
IDS_MAX: Final = 64
ID_CHARACTERS: Final = WIDTH_OF_128_BITS
RENDITIONS_MAX: Final = 32
TIME_S_MAX: Final = 2**53 - 1  # RFC 8259 section 6: integers that every reader of JSON keeps exact.

_AUDIO_PREFIX: Final = "/v1/audio/"
_SHARED_FOLDERS: Final = frozenset({"licenses", "covers"})
# Below which segment of a path the files of renditions and the manifests are.
_DEPTH_BY_FOLDER: Final = {"audio": 5, "albums": 4}
_MANIFESTS: Final = frozenset({"manifest.mpd", "master.m3u8", "hls.m3u8"})

_SESSION: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_PREFIX: Final = re.compile(r"/(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/)*", re.ASCII)
_PREFIX_CHARACTERS_MAX: Final = 256
_RENDITION: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}", re.ASCII)
_ID: Final = re.compile(r"[0-9A-Za-z]{22}", re.ASCII)

# NUL, delimiters, and unreserved characters: encoded or not, they name the same resource
# (RFC 3986 section 6.2.2.2), so `/v1/%61udio/` would be audio to some and not to us.
_NEEDLESSLY_ENCODED: Final = re.compile(
    r"%(?:00|2[def]|3[0-9]|[46][1-9a-f]|[57][0-9a]|5[cf]|7e)", re.ASCII | re.IGNORECASE
)

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """What a token grants, and to whom.

    Attributes:
        session: the listener's session, chosen by who issues.
        issued_s: when it was issued, in seconds since the epoch.
        expires_s: from when on it is refused, in seconds since the epoch.
        prefixes: the paths it opens; each begins and ends with "/".
        renditions: the audio renditions it opens; None opens all.
        network: clients it is for, as a CIDR block; None is for all.
        is_path_bound: whether it may travel in a path. Such a token is for named tracks only, or
            for one album and its tracks: paths end up in histories, logs and referrers.
        tracks: ids of tracks whose records and audio it opens, with licenses and covers.
        albums: ids of albums whose documents and playlists it opens, with licenses and covers.
            Their tracks are to be named beside them.

    Raises:
        ClaimsError: no token may carry these.
    """

    session: str
    issued_s: int
    expires_s: int
    prefixes: tuple[str, ...] = ()
    renditions: frozenset[str] | None = None
    network: str | None = None
    is_path_bound: bool = False
    tracks: tuple[str, ...] = ()
    albums: tuple[str, ...] = ()
    _network: _Network | None = field(init=False, repr=False, compare=False)
    _ids_by_folder: Mapping[str, frozenset[str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_times(self.issued_s, self.expires_s)
        if _SESSION.fullmatch(self.session) is None:
            raise ClaimsError("a session is 1 to 64 letters, digits, - and _")
        _check_prefixes(self.prefixes, is_path_bound=self.is_path_bound)
        _check_ids(self.tracks)
        _check_ids(self.albums)
        if not self.prefixes and not self.tracks and not self.albums:
            raise ClaimsError("a token opens something")
        if self.is_path_bound and len(self.albums) > 1:
            raise ClaimsError("a token that travels in a path is for one album at most")
        if self.renditions is not None:
            _check_renditions(self.renditions)
        object.__setattr__(self, "_network", _parse_network(self.network))
        object.__setattr__(self, "_ids_by_folder", self._index_ids())

    def allows(self, path: str) -> bool:
        """Whether the token opens `path`: the target's path, without token and query.

        Only for a path that a server cannot read in two ways; one with dot segments, empty
        segments or encoded delimiters is never allowed.
        """
        return self.allows_read(TokenPath(path))

    def allows_read(self, path: "TokenPath") -> bool:
        """The same for a path that has been read before."""
        segments = path.segments
        if not self._names(segments) and not path.folder.startswith(self.prefixes):
            return False
        if path.is_ambiguous:
            return False
        return self.renditions is None or self._allows_file(segments)

    def allows_track(self, track_id: str) -> bool:
        """Whether the token opens all audio of a track, as far as its renditions go."""
        named = self._ids_by_folder.get("audio", ())
        return track_id in named or f"{_AUDIO_PREFIX}{track_id}/".startswith(self.prefixes)

    def _index_ids(self) -> Mapping[str, frozenset[str]]:
        """Ids that are open in each folder below `/v1/`: one look-up, however many there are."""
        tracks = frozenset(self.tracks)
        return {"tracks": tracks, "audio": tracks, "albums": frozenset(self.albums)}

    def _names(self, segments: list[str]) -> bool:
        """Whether a path belongs to a track or an album that is named."""
        if len(segments) < 4 or segments[1] != "v1" or segments[0]:
            return False
        folder = segments[2]
        ids = self._ids_by_folder.get(folder)
        if ids is not None:
            return segments[3] in ids
        return folder in _SHARED_FOLDERS and bool(self.tracks or self.albums)

    def _allows_file(self, segments: list[str]) -> bool:
        """Whether the renditions open a path; they say nothing of what is no audio or playlist."""
        assert self.renditions is not None
        depth = _DEPTH_BY_FOLDER.get(segments[2]) if len(segments) > 2 else None
        if depth is None or len(segments) <= depth or segments[1] != "v1":
            return True  # Or the folder of a track, version or album: nothing that has content.
        file = segments[depth]
        is_open = file.partition(".")[0] in self.renditions or file in _MANIFESTS
        return is_open and len(segments) == depth + 1

    def allows_client(self, address: str) -> bool:
        """Whether the token is for a client at this IP address."""
        if self._network is None:
            return True
        parsed = _parse_address(address)
        return parsed is not None and parsed in self._network


class TokenPath:
    """What decides of a path whether a token opens it, read once.

    Args:
        path: of the target, without token and query.
    """

    __slots__ = ("folder", "is_ambiguous", "segments")

    def __init__(self, path: str) -> None:
        self.folder = path + "/"
        self.segments = path.split("/", 6)
        self.is_ambiguous = _is_ambiguous(path)


def texts_of(value: object) -> tuple[str, ...] | None:
    """A decoded list of texts; None if it is anything else."""
    if not isinstance(value, list):
        return None
    texts = tuple(one for one in value if isinstance(one, str))
    return texts if len(texts) == len(value) else None


def _check_times(issued_s: int, expires_s: int) -> None:
    # A bool is an int to Python, and not to JSON.
    if type(issued_s) is not int or type(expires_s) is not int:
        raise ClaimsError("times are whole seconds since the epoch")
    if not 0 <= issued_s < expires_s <= TIME_S_MAX:
        raise ClaimsError("a token expires after it was issued")


def _check_prefixes(prefixes: tuple[str, ...], *, is_path_bound: bool) -> None:
    if len(prefixes) > PREFIXES_MAX:
        raise ClaimsError(f"a token has up to {PREFIXES_MAX} path prefixes")
    for prefix in prefixes:
        if len(prefix) > _PREFIX_CHARACTERS_MAX or _PREFIX.fullmatch(prefix) is None:
            raise ClaimsError('a path prefix begins and ends with "/" and has plain segments')
        if ".." in prefix:
            raise ClaimsError('a path prefix has no ".."')
        if is_path_bound and _AUDIO_PREFIX.startswith(prefix):
            raise ClaimsError("a token that travels in a path is for named tracks only")


def _check_ids(ids: tuple[str, ...]) -> None:
    if len(ids) > IDS_MAX or len(set(ids)) != len(ids):
        raise ClaimsError(f"a token names up to {IDS_MAX} tracks or albums, each once")
    if any(_ID.fullmatch(one) is None for one in ids):
        raise ClaimsError(f"tracks and albums are named by {ID_CHARACTERS} letters and digits")


def _check_renditions(renditions: frozenset[str]) -> None:
    if not 0 < len(renditions) <= RENDITIONS_MAX:
        raise ClaimsError(f"a token names 1 to {RENDITIONS_MAX} renditions, or leaves them open")
    if any(_RENDITION.fullmatch(name) is None for name in renditions):
        raise ClaimsError("a rendition is named by small letters, digits and -")


def _is_ambiguous(path: str) -> bool:
    """Whether servers might disagree on what `path` names (RFC 3986 sections 5.2.4 and 6.2.2)."""
    if "/." in path or "//" in path or "\\" in path or "\0" in path:
        return True
    return "%" in path and _NEEDLESSLY_ENCODED.search(path) is not None


def _parse_network(network: str | None) -> _Network | None:
    if network is None:
        return None
    try:
        parsed = ipaddress.ip_network(network)
    except ValueError:
        raise ClaimsError("a network is a CIDR block without host bits") from None
    if str(parsed) != network:
        raise ClaimsError("a network is written in its shortest form, with the prefix length")
    return parsed


@functools.lru_cache(maxsize=4096)
def _parse_address(address: str) -> _Address | None:
    """IP address of a client; an IPv4 client of a dual-stack socket is an IPv4 client."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    return parsed
