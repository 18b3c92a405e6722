"""What a playback token grants: its claims, and what they open. No I/O and no clock."""

import functools
import ipaddress
import re
from dataclasses import dataclass, field
from typing import Final

from drm.errors import ClaimsError
from drm.track_id import check_track_id

PREFIXES_MAX: Final = 64
RENDITIONS_MAX: Final = 32
TIME_S_MAX: Final = 2**53 - 1  # RFC 8259 section 6: integers that every reader of JSON keeps exact.

_AUDIO_PREFIX: Final = "/v1/audio/"
_MANIFESTS: Final = frozenset({"manifest.mpd", "master.m3u8", "hls.m3u8"})

_SESSION: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_PREFIX: Final = re.compile(r"/(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/)*", re.ASCII)
_PREFIX_CHARACTERS_MAX: Final = 256
_RENDITION: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}", re.ASCII)

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
        is_path_bound: whether it may travel in a path. Such a token is for named tracks only:
            paths end up in histories, logs and referrers.

    Raises:
        ClaimsError: no token may carry these.
    """

    session: str
    issued_s: int
    expires_s: int
    prefixes: tuple[str, ...]
    renditions: frozenset[str] | None = None
    network: str | None = None
    is_path_bound: bool = False
    _network: _Network | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_times(self.issued_s, self.expires_s)
        if _SESSION.fullmatch(self.session) is None:
            raise ClaimsError("a session is 1 to 64 letters, digits, - and _")
        _check_prefixes(self.prefixes, is_path_bound=self.is_path_bound)
        if self.renditions is not None:
            _check_renditions(self.renditions)
        object.__setattr__(self, "_network", _parse_network(self.network))

    def allows(self, path: str) -> bool:
        """Whether the token opens `path`: the target's path, without token and query.

        Only for a path that a server cannot read in two ways; one with dot segments, empty
        segments or encoded delimiters is never allowed.
        """
        if not (path + "/").startswith(self.prefixes) or _is_ambiguous(path):
            return False
        if self.renditions is None or not path.startswith(_AUDIO_PREFIX):
            return True
        segments = path.split("/", 6)
        if len(segments) < 6:
            return True  # The folder of a track or version: nothing that has content.
        file = segments[5]
        is_open = file.partition(".")[0] in self.renditions or file in _MANIFESTS
        return is_open and len(segments) == 6

    def allows_track(self, track_id: str) -> bool:
        """Whether the token opens all audio of a track, as far as its renditions go."""
        return f"{_AUDIO_PREFIX}{track_id}/".startswith(self.prefixes)

    def allows_client(self, address: str) -> bool:
        """Whether the token is for a client at this IP address."""
        if self._network is None:
            return True
        parsed = _parse_address(address)
        return parsed is not None and parsed in self._network


def texts_of(value: object) -> tuple[str, ...] | None:
    """A decoded list of texts; None if it is anything else."""
    if not isinstance(value, list):
        return None
    texts = tuple(one for one in value if isinstance(one, str))
    return texts if len(texts) == len(value) else None


def track_prefixes(track_id: str) -> tuple[str, str, str, str]:
    """What a player needs for one track: its record, audio, licenses and covers.

    Raises:
        TrackIdError: not a track id.
    """
    check_track_id(track_id)
    return (
        f"/v1/tracks/{track_id}/",
        f"{_AUDIO_PREFIX}{track_id}/",
        "/v1/licenses/",
        "/v1/covers/",
    )


def _check_times(issued_s: int, expires_s: int) -> None:
    # A bool is an int to Python, and not to JSON.
    if type(issued_s) is not int or type(expires_s) is not int:
        raise ClaimsError("times are whole seconds since the epoch")
    if not 0 <= issued_s < expires_s <= TIME_S_MAX:
        raise ClaimsError("a token expires after it was issued")


def _check_prefixes(prefixes: tuple[str, ...], *, is_path_bound: bool) -> None:
    if not 0 < len(prefixes) <= PREFIXES_MAX:
        raise ClaimsError(f"a token has 1 to {PREFIXES_MAX} path prefixes")
    for prefix in prefixes:
        if len(prefix) > _PREFIX_CHARACTERS_MAX or _PREFIX.fullmatch(prefix) is None:
            raise ClaimsError('a path prefix begins and ends with "/" and has plain segments')
        if ".." in prefix:
            raise ClaimsError('a path prefix has no ".."')
        if is_path_bound and _AUDIO_PREFIX.startswith(prefix):
            raise ClaimsError("a token that travels in a path is for named tracks only")


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
