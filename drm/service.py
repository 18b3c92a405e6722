"""What drm does for others, without HTTP: tokens, licenses, content keys."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from config.credentials import Credential
from drm.clear_key import decode_license_request, encode_license
from drm.entitlement import entitled_keys
from drm.errors import DrmError, TokenScopeError
from drm.hls_key import decode_kid
from drm.key_vault import KeyVault
from drm.metrics import DrmMetrics, LicenseSystem, TokenKind
from drm.ports import ContentKeys, TrackKeys
from drm.signing_keys import KeySet
from drm.token_claims import TokenClaims
from drm.token_desk import TokenDesk
from drm.token_request import IssuedToken, TokenRequest
from drm.tokens import LICENSE_PATH


@dataclass(frozen=True, slots=True)
class DrmCredentials:
    """Who may call drm: each has a credential of its own.

    Attributes:
        operator: issues tokens.
        edge: asks for licenses and token keys, on behalf of listeners.
        origin: asks for content keys.
    """

    operator: Credential
    edge: Credential
    origin: Credential


class DrmAnswers:
    """Answers each kind of call, and counts what came of it."""

    def __init__(
        self, vault: KeyVault, desk: TokenDesk, *, metrics: DrmMetrics, kids_max: int
    ) -> None:
        self._vault = vault
        self._desk = desk
        self._metrics = metrics
        self._kids_max = kids_max

    async def open_license_scope(self, token: str, *, path: str = LICENSE_PATH) -> TokenClaims:
        """Claims of a token that may ask for licenses, at `path`, at all.

        Raises:
            TokenError: it may not.
            VaultError: the vault fails.
        """
        with _counting(self._metrics.record_license_refusal):
            claims = await self._desk.verify(token)
            if not claims.allows(path):
                raise TokenScopeError("it is not for licenses")
            return claims

    async def license(self, claims: TokenClaims, request: bytes) -> bytes:
        """The Clear Key license that a request with these claims is granted. It is secret.

        Raises:
            LicenseRequestError: it is no such request.
            LicenseRefusedError: one of the keys is not for these claims.
            VaultError: the vault fails.
        """
        with _counting(self._metrics.record_license_refusal):
            kids = decode_license_request(request, kids_max=self._kids_max)
            keys = entitled_keys(claims, kids, await self._vault.content_keys(kids))
        self._metrics.record_license(LicenseSystem.CLEAR_KEY, keys=len(keys))
        return encode_license(keys)

    async def hls_key(self, claims: TokenClaims, kid_text: str) -> bytes:
        """The content key of a KID for players of HLS, 16 bytes. It is secret.

        Raises:
            KidError: the text is no KID.
            LicenseRefusedError: the key is unknown or not for these claims.
            VaultError: the vault fails.
        """
        with _counting(self._metrics.record_license_refusal):
            kids = [decode_kid(kid_text)]
            [key] = entitled_keys(claims, kids, await self._vault.content_keys(kids))
        self._metrics.record_license(LicenseSystem.HLS, keys=1)
        return key.key

    async def issue_token(self, request: TokenRequest) -> IssuedToken:
        """See `TokenDesk.issue`."""
        with _counting(self._metrics.record_token_refusal):
            issued = await self._desk.issue(request)
        kind = TokenKind.HEADER if request.tracks is None else TokenKind.PATH
        self._metrics.record_token(kind)
        return issued

    async def key_set(self) -> KeySet:
        """See `TokenDesk.key_set`."""
        return await self._desk.key_set()

    async def keys_of_track(self, track_id: str) -> TrackKeys:
        """See `ContentKeys.keys_of_track`."""
        with _counting(self._metrics.record_track_keys_refusal):
            keys = await self._vault.keys_of_track(track_id)
        self._metrics.record_track_keys()
        return keys


@dataclass(frozen=True, slots=True)
class DrmService:
    """A running drm. Made by `drm.app.open_drm`.

    Attributes:
        url: where it listens.
        admin_url: where its admin listener is.
        vault: the open vault.
    """

    url: str
    admin_url: str
    vault: KeyVault = field(repr=False)
    answers: DrmAnswers = field(repr=False)

    @property
    def content_keys(self) -> ContentKeys:
        """Content keys for an origin in this process."""
        return self.vault

    async def issue_token(self, request: TokenRequest) -> IssuedToken:
        """Issue a playback token.

        Raises:
            DrmError: no such token can be issued, or the vault fails.
        """
        return await self.answers.issue_token(request)


@contextlib.contextmanager
def _counting(record_refusal: Callable[[str], None]) -> Iterator[None]:
    try:
        yield
    except DrmError as error:
        record_refusal(error.reason)
        raise
