"""Issues playback tokens, checks those that come back, and publishes the keys that check them.

Keys are rotated and retired by other processes too, so each call asks the vault whether anything
was committed since the last one: that costs a hop to its thread and no query.
"""

import secrets
from collections.abc import Callable
from typing import Final

from drm.signing_key_store import LiveSigningKeys, SigningKeyStore
from drm.signing_keys import KeySet
from drm.token_claims import TokenClaims
from drm.token_request import IssuedToken, TokenLimits, TokenRequest
from drm.tokens import TokenVerifier, issue_token

_SESSION_BYTES: Final = 12


class TokenDesk:
    """Where tokens are issued and checked. Made by `open_token_desk`."""

    def __init__(
        self,
        store: SigningKeyStore,
        live: LiveSigningKeys,
        *,
        limits: TokenLimits,
        remembered_max: int,
        clock: Callable[[], float],
    ) -> None:
        key_set = live.key_set()
        self._store = store
        self._live = live
        self._limits = limits
        self._clock = clock
        self._change_mark: int | None = None
        self._verifier = TokenVerifier(
            key_set.keys, remembered_max, not_issued_before_s=key_set.not_issued_before_s
        )

    async def issue(self, request: TokenRequest) -> IssuedToken:
        """Issue a token.

        Raises:
            RequestError: no such token can be issued.
            VaultError: the signing keys cannot be read.
        """
        now_s = self._clock()
        live = await self._live_keys()
        claims = request.claims(
            self._limits, now_s=now_s, new_session=secrets.token_urlsafe(_SESSION_BYTES)
        )
        key = live.signing_key(now_s=now_s, lead_s=self._limits.key_lead_s)
        return IssuedToken(issue_token(claims, key), claims.expires_s, claims.session)

    async def verify(self, token: str) -> TokenClaims:
        """Claims of a token that is good now.

        Raises:
            TokenError: it is not.
            VaultError: the signing keys cannot be read.
        """
        await self._live_keys()
        return self._verifier.verify(token, now_s=self._clock())

    async def key_set(self) -> KeySet:
        """What edges need for checking tokens.

        Raises:
            VaultError: the signing keys cannot be read.
        """
        return (await self._live_keys()).key_set()

    async def _live_keys(self) -> LiveSigningKeys:
        # The mark is read first: a change that comes between is then seen by the next call.
        mark = await self._store.change_mark()
        if mark != self._change_mark:
            self._live = await self._store.live()
            self._change_mark = mark
            key_set = self._live.key_set()
            self._verifier.replace_keys(
                key_set.keys, not_issued_before_s=key_set.not_issued_before_s
            )
        return self._live


async def open_token_desk(
    store: SigningKeyStore,
    *,
    limits: TokenLimits,
    remembered_max: int,
    clock: Callable[[], float],
) -> TokenDesk:
    """A desk over `store`, which has its first signing key afterwards.

    Raises:
        VaultError: the signing keys cannot be read.
    """
    live = await store.live()
    return TokenDesk(store, live, limits=limits, remembered_max=remembered_max, clock=clock)
