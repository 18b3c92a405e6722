"""Requests for playback tokens: what may be asked for, and the claims that follow. No I/O.

A token for named tracks, or for an album and its tracks, may travel in a path, so it is bound to
renditions by name and lives only as long as listening takes. A token for paths, or for everything,
is for clients that can set a header field.
"""

from dataclasses import dataclass, field
from typing import Final

import orjson

from drm.base62 import is_base62_of_128_bits
from drm.errors import TokenRequestError
from drm.token_claims import IDS_MAX, TokenClaims, texts_of
from drm.track_id import check_track_id
from packager.renditions import PROFILES

# What fits depends on the other claims: some 55 with all renditions by name.
TRACKS_MAX: Final = IDS_MAX
DURATION_S_MAX: Final = TRACKS_MAX * 12 * 3600  # The longest masters that are taken.

# A listener pauses, seeks back and listens again: twice the music and an hour.
_DURATION_FACTOR: Final = 2
_DURATION_MARGIN_S: Final = 3600

_EVERYTHING: Final = ("/v1/",)
_MEMBERS: Final = frozenset(
    {"tracks", "album", "prefixes", "renditions", "ttl_s", "session", "duration_s", "network"}
)


@dataclass(frozen=True, slots=True)
class TokenLimits:
    """How long tokens may live, and how old the key must be that signs them; in seconds.

    Attributes:
        ttl_s: when the request names no lifetime.
        ttl_s_max: any token.
        key_lead_s: how long a signing key is published before it signs.
    """

    ttl_s: int
    ttl_s_max: int
    key_lead_s: int


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What a token is wanted for.

    Attributes:
        tracks: the token is for these alone and may travel in a path; None for `prefixes`.
        prefixes: the paths that it opens; None for everything. Only without `tracks`.
        renditions: the renditions that it opens; None for all that there are at present, by name
            in a token for tracks.
        ttl_s: how long it is to live, in seconds; shortened to what `TokenLimits` allow.
        session: the listener's session; None for a new one.
        duration_s: how long the music is, in seconds; bounds the lifetime of a token for tracks,
            which must tell it.
        network: clients that it is for, as a CIDR block.
        album: the token opens this album's document and playlists too. Only with `tracks`, which
            are the album's.

    Raises:
        TokenRequestError: these cannot be asked for together, or one is out of bounds.
    """

    tracks: tuple[str, ...] | None = None
    prefixes: tuple[str, ...] | None = None
    renditions: frozenset[str] | None = None
    ttl_s: int | None = None
    session: str | None = None
    duration_s: int | None = None
    network: str | None = None
    album: str | None = None

    def __post_init__(self) -> None:
        if self.tracks is not None:
            self._check_tracks(self.tracks)
        if self.album is not None:
            self._check_album(self.album)
        if self.ttl_s is not None and self.ttl_s < 1:
            raise TokenRequestError("`ttl_s` is at least 1")
        if self.duration_s is not None and not 0 < self.duration_s <= DURATION_S_MAX:
            raise TokenRequestError(f"`duration_s` is 1 to {DURATION_S_MAX}")
        unknown = (self.renditions or frozenset()) - PROFILES.keys()
        if unknown:
            raise TokenRequestError(f"`renditions` are some of: {', '.join(PROFILES)}")

    def _check_tracks(self, tracks: tuple[str, ...]) -> None:
        if self.prefixes is not None:
            raise TokenRequestError("give `tracks` or `prefixes`, not both")
        if not 0 < len(tracks) <= TRACKS_MAX:
            raise TokenRequestError(f"`tracks` has 1 to {TRACKS_MAX} track ids")
        if self.duration_s is None:
            raise TokenRequestError("give `duration_s`, how long the `tracks` are, in seconds")

    def _check_album(self, album: str) -> None:
        if self.tracks is None:
            raise TokenRequestError("give the `tracks` of the `album`: its token opens these")
        if not is_base62_of_128_bits(album):
            raise TokenRequestError("`album` is the id of an album, 22 letters and digits")

    def claims(self, limits: TokenLimits, *, now_s: float, new_session: str) -> TokenClaims:
        """Claims of the token, issued at `now_s`.

        Raises:
            ClaimsError: no token may carry what was asked for.
            TrackIdError: one of the tracks is none.
        """
        issued_s = int(now_s)
        return TokenClaims(
            session=new_session if self.session is None else self.session,
            issued_s=issued_s,
            expires_s=issued_s + self._lifetime_s(limits),
            prefixes=self._prefixes(),
            renditions=self._renditions(),
            network=self.network,
            is_path_bound=self.tracks is not None,
            tracks=tuple(dict.fromkeys(map(check_track_id, self.tracks or ()))),
            albums=() if self.album is None else (self.album,),
        )

    def _lifetime_s(self, limits: TokenLimits) -> int:
        lifetime_s = min(self.ttl_s or limits.ttl_s, limits.ttl_s_max)
        if self.tracks is None:
            return lifetime_s
        assert self.duration_s is not None
        return min(lifetime_s, _DURATION_FACTOR * self.duration_s + _DURATION_MARGIN_S)

    def _renditions(self) -> frozenset[str] | None:
        if self.tracks is not None and self.renditions is None:
            return frozenset(PROFILES)
        return self.renditions

    def _prefixes(self) -> tuple[str, ...]:
        if self.tracks is not None:
            return ()
        return _EVERYTHING if self.prefixes is None else self.prefixes


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token for whoever asked for it.

    Attributes:
        token: secret.
        expires_s: from when on it is refused, in seconds since the epoch.
    """

    token: str = field(repr=False)
    expires_s: int
    session: str


def decode_token_request(data: bytes) -> TokenRequest:
    """Read a request from JSON; a member that is null counts as absent.

    Raises:
        TokenRequestError: it is no such request.
    """
    try:
        document: object = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise TokenRequestError("the content is not JSON") from None
    if not isinstance(document, dict):
        raise TokenRequestError("the content is not a JSON object")
    unknown = document.keys() - _MEMBERS
    if unknown:
        raise TokenRequestError(f"known members are: {', '.join(sorted(_MEMBERS))}")
    renditions = _texts(document, "renditions")
    return TokenRequest(
        tracks=_texts(document, "tracks"),
        album=_text(document, "album"),
        prefixes=_texts(document, "prefixes"),
        renditions=None if renditions is None else frozenset(renditions),
        ttl_s=_number(document, "ttl_s"),
        session=_text(document, "session"),
        duration_s=_number(document, "duration_s"),
        network=_text(document, "network"),
    )


def encode_issued_token(issued: IssuedToken) -> bytes:
    """Write the answer to a request. It is secret."""
    return orjson.dumps(
        {"token": issued.token, "expires_s": issued.expires_s, "session": issued.session}
    )


def _texts(document: dict[str, object], name: str) -> tuple[str, ...] | None:
    value = document.get(name)
    if value is None:
        return None
    texts = texts_of(value)
    if texts is None:
        raise TokenRequestError(f"`{name}` is a list of texts")
    return texts


def _text(document: dict[str, object], name: str) -> str | None:
    value = document.get(name)
    if value is not None and not isinstance(value, str):
        raise TokenRequestError(f"`{name}` is a text")
    return value


def _number(document: dict[str, object], name: str) -> int | None:
    value = document.get(name)
    if value is None:
        return None
    # A bool is an int to Python, and not to JSON.
    if not isinstance(value, int) or isinstance(value, bool):
        raise TokenRequestError(f"`{name}` is a whole number")
    return value
