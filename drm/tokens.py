"""Playback tokens: JWS compact serialization (RFC 7515 section 7.1) with Ed25519 (RFC 8037).

A token is `header.claims.signature`, each in base64url, so it may stand in a path. There is exactly
one text for given claims and key: header and claims are written canonically, and what differs from
that is refused. So no claim is read that the signature does not cover, and neither a `crit` nor
another `alg` nor an unknown claim can slip through: a claim that this verifier does not know might
be one that narrows the grant.

`TokenVerifier` remembers verified tokens; expiry and revocation are checked each time. No I/O and
no clock. This is the one module of drm that edges import.
"""

import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from drm.base64url import decode_base64url, encode_base64url
from drm.errors import (
    ClaimsError,
    TokenAmbiguousError,
    TokenError,
    TokenExpiredError,
    TokenForeignError,
    TokenMalformedError,
    TokenMissingError,
    TokenRevokedError,
    TokenScopeError,
)
from drm.signing_keys import (
    KEY_SET_BYTES_MAX,
    KeySet,
    SigningKey,
    VerificationKey,
    decode_key_set,
    encode_key_set,
    key_set_of,
)
from drm.token_claims import ID_CHARACTERS, TokenClaims, TokenPath, texts_of

__all__ = [
    "HLS_KEY_FOLDER",
    "KEY_SET_BYTES_MAX",
    "LICENSE_PATH",
    "TOKEN_CHARACTERS_MAX",
    "ClaimsError",
    "KeySet",
    "SigningKey",
    "TokenAmbiguousError",
    "TokenClaims",
    "TokenError",
    "TokenExpiredError",
    "TokenForeignError",
    "TokenMalformedError",
    "TokenMissingError",
    "TokenPath",
    "TokenRevokedError",
    "TokenScopeError",
    "TokenVerifier",
    "VerificationKey",
    "decode_key_set",
    "encode_key_set",
    "issue_token",
    "key_set_of",
]

# A token may be part of a request target, which proxies bound at 4 to 8 KiB.
TOKEN_CHARACTERS_MAX: Final = 2048

LICENSE_PATH: Final = "/v1/licenses/clearkey"
HLS_KEY_FOLDER: Final = "/v1/licenses/hls/"

_HEADER: Final = re.compile(rb'\{"alg":"EdDSA","kid":"[A-Za-z0-9_-]{1,64}"\}')


def issue_token(claims: TokenClaims, key: SigningKey) -> str:
    """Sign `claims`.

    Raises:
        ClaimsError: the token would be too long to travel in a path.
    """
    signed = f"{_encode_header(key.kid)}.{encode_base64url(_encode_claims(claims))}"
    token = f"{signed}.{encode_base64url(key.sign(signed.encode('ascii')))}"
    if len(token) > TOKEN_CHARACTERS_MAX:
        raise ClaimsError(
            f"the token would have over {TOKEN_CHARACTERS_MAX} characters: name fewer tracks"
        )
    return token


@dataclass(frozen=True, slots=True)
class _Remembered:
    claims: TokenClaims
    key: VerificationKey


class TokenVerifier:
    """Checks tokens, and remembers those that were good.

    A token that was refused is not remembered, so nobody can fill the memory without our key.

    Args:
        keys: all keys that are live, by kid.
        remembered_max: how many tokens to remember, the least recently used go first. Each takes
            up to 4 KiB.
        not_issued_before_s: the revocation epoch, in seconds since the epoch.
    """

    def __init__(
        self,
        keys: Mapping[str, VerificationKey],
        remembered_max: int,
        *,
        not_issued_before_s: int = 0,
    ) -> None:
        assert remembered_max > 0
        self._remembered_max = remembered_max
        # Finding a token by its hash takes a time that depends on the text that was sent and on a
        # secret of this process, never on how much of another token it repeats.
        self._remembered: OrderedDict[str, _Remembered] = OrderedDict()
        self.replace_keys(keys, not_issued_before_s=not_issued_before_s)

    def is_remembered(self, token: str) -> bool:
        """Whether the signature of `token` has been checked and held."""
        return token in self._remembered

    def recall(self, token: str, now_s: float) -> TokenClaims | None:
        """Claims of a token that is remembered and still good; None says nothing of it."""
        remembered = self._remembered.get(token)
        if remembered is None:
            return None
        claims = remembered.claims
        if now_s >= claims.expires_s or claims.issued_s < self._not_issued_before_s:
            return None
        self._remembered.move_to_end(token)
        return claims

    @property
    def remembered(self) -> int:
        """How many tokens are remembered."""
        return len(self._remembered)

    def replace_keys(
        self, keys: Mapping[str, VerificationKey], *, not_issued_before_s: int
    ) -> None:
        """Take over a new set of live keys; tokens of keys that are gone are refused from now."""
        self._not_issued_before_s = not_issued_before_s
        self._keys_by_header = {_encode_header(key.kid): key for key in keys.values()}
        live = set(keys.values())
        for token in [text for text, one in self._remembered.items() if one.key not in live]:
            del self._remembered[token]

    def verify(self, token: str, *, now_s: float) -> TokenClaims:
        """Return the claims of a token that is good at `now_s`, in seconds since the epoch.

        Raises:
            TokenMalformedError: it is no token.
            TokenForeignError: no live key signed it.
            TokenExpiredError: its time is over.
            TokenRevokedError: it was issued before the revocation epoch.
        """
        remembered = self._remembered.get(token)
        if remembered is None:
            remembered = self._verify_signature(token)
            claims = remembered.claims
            self._check_still_good(claims, now_s)
            self._remember(token, remembered)
            return claims
        claims = remembered.claims
        if now_s >= claims.expires_s or claims.issued_s < self._not_issued_before_s:
            del self._remembered[token]
            self._check_still_good(claims, now_s)
        self._remembered.move_to_end(token)
        return claims

    def _check_still_good(self, claims: TokenClaims, now_s: float) -> None:
        # "On or after" the expiration time it must not be accepted: RFC 7519 section 4.1.4.
        if now_s >= claims.expires_s:
            raise TokenExpiredError(claims.expires_s)
        if claims.issued_s < self._not_issued_before_s:
            raise TokenRevokedError(self._not_issued_before_s)

    def _remember(self, token: str, remembered: _Remembered) -> None:
        self._remembered[token] = remembered
        if len(self._remembered) > self._remembered_max:
            self._remembered.popitem(last=False)

    def _verify_signature(self, token: str) -> _Remembered:
        if len(token) > TOKEN_CHARACTERS_MAX:
            raise TokenMalformedError(f"longer than {TOKEN_CHARACTERS_MAX} characters")
        header, claims, signature = _split(token)
        key = self._keys_by_header.get(header)
        if key is None:
            raise _refusal_of_header(header)
        claims_data, signature_data = _decode_segment(claims), _decode_segment(signature)
        public_key = Ed25519PublicKey.from_public_bytes(key.public_key)
        try:
            public_key.verify(signature_data, f"{header}.{claims}".encode("ascii"))
        except InvalidSignature:
            raise TokenForeignError("the signature does not fit") from None
        return _Remembered(_decode_claims(claims_data), key)


def _split(token: str) -> tuple[str, str, str]:
    segments = token.split(".", 3)
    if len(segments) != 3:
        raise TokenMalformedError("not three segments with dots between them")
    return segments[0], segments[1], segments[2]


def _decode_segment(segment: str) -> bytes:
    try:
        return decode_base64url(segment)
    except ValueError as error:
        raise TokenMalformedError(str(error)) from None


def _encode_header(kid: str) -> str:
    return encode_base64url(b'{"alg":"EdDSA","kid":"%b"}' % kid.encode("ascii"))


def _refusal_of_header(header: str) -> TokenError:
    """Which error it is when no live key has this header."""
    if _HEADER.fullmatch(_decode_segment(header)) is None:
        return TokenMalformedError("not the header of a playback token")
    return TokenForeignError("the key is unknown here, or no longer live")


def _encode_claims(claims: TokenClaims) -> bytes:
    """Canonical JSON; names are those of RFC 7519 and its registry where there is one."""
    members: dict[str, object] = {
        "exp": claims.expires_s,
        "iat": claims.issued_s,
        "sid": claims.session,
    }
    if claims.prefixes:
        members["pre"] = claims.prefixes
    # Ids all have one length, so they need nothing between them.
    if claims.tracks:
        members["trk"] = "".join(claims.tracks)
    if claims.albums:
        members["alb"] = "".join(claims.albums)
    if claims.renditions is not None:
        members["ren"] = sorted(claims.renditions)
    if claims.network is not None:
        members["net"] = claims.network
    if claims.is_path_bound:
        members["bound"] = True
    return orjson.dumps(members, option=orjson.OPT_SORT_KEYS)


def _decode_claims(data: bytes) -> TokenClaims:
    try:
        claims = _claims_of(orjson.loads(data))
    except (orjson.JSONDecodeError, ClaimsError) as error:
        raise TokenMalformedError("claims that no token may carry") from error
    if _encode_claims(claims) != data:
        raise TokenMalformedError("claims that are unknown, or not in canonical form")
    return claims


def _claims_of(document: object) -> TokenClaims:
    match document:
        case {"sid": str() as session, "iat": int() as issued_s, "exp": int() as expires_s, **rest}:
            pass
        case _:
            raise ClaimsError("a claim is missing or of the wrong type")
    renditions = rest.get("ren")
    network = rest.get("net")
    if network is not None and not isinstance(network, str):
        raise ClaimsError("a network is a text")
    return TokenClaims(
        session=session,
        issued_s=issued_s,
        expires_s=expires_s,
        prefixes=_texts(rest.get("pre", [])),
        renditions=None if renditions is None else frozenset(_texts(renditions)),
        network=network,
        is_path_bound=rest.get("bound") is True,
        tracks=_ids(rest.get("trk", "")),
        albums=_ids(rest.get("alb", "")),
    )


def _ids(text: object) -> tuple[str, ...]:
    if not isinstance(text, str):
        raise ClaimsError("ids are one text")
    starts = range(0, len(text), ID_CHARACTERS)
    return tuple(text[start : start + ID_CHARACTERS] for start in starts)


def _texts(values: object) -> tuple[str, ...]:
    texts = texts_of(values)
    if texts is None:
        raise ClaimsError("a claim is not a list of texts")
    return texts
