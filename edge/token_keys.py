"""Keys that check playback tokens, fetched from drm and kept when drm is away."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from drm.tokens import KEY_SET_BYTES_MAX, TokenVerifier, decode_key_set
from edge.errors import EdgeError, TokenKeysMissingError, UpstreamProtocolError
from edge.fields import Fields
from edge.metrics import EdgeCounts
from edge.ports import Upstream, UpstreamRequest

logger = logging.getLogger(__name__)

KEYS_TARGET: Final = "/v1/token-keys"

# While there are no keys nothing can be served: ask often.
_RETRY_S: Final = 1.0


class TokenKeys:
    """Holds the verifier and its keys.

    Args:
        verifier: gets the keys.
        drm: where they are published.
        refresh_s: how often they are fetched again.
        early_refresh_s: how often at most because of a token whose key is unknown.
        clock: monotonic seconds.
        counts: of this worker.
    """

    def __init__(
        self,
        verifier: TokenVerifier,
        drm: Upstream,
        *,
        refresh_s: float,
        early_refresh_s: float,
        clock: Callable[[], float],
        counts: EdgeCounts,
    ) -> None:
        self._verifier = verifier
        self._drm = drm
        self._refresh_s = refresh_s
        self._early_refresh_s = early_refresh_s
        self._clock = clock
        self._counts = counts
        self._fetching = asyncio.Lock()
        self._fetched_s: float | None = None
        self._tried_s: float | None = None

    @property
    def has_keys(self) -> bool:
        """Whether keys have been fetched since the start."""
        return self._fetched_s is not None

    def require(self) -> None:
        """Go on only with keys.

        Raises:
            TokenKeysMissingError: there are none yet.
        """
        if not self.has_keys:
            raise TokenKeysMissingError("drm has not been reached since the start")

    async def refresh(self) -> None:
        """Fetch the keys now; when that fails the ones before stay."""
        async with self._fetching:
            self._tried_s = self._clock()
            try:
                key_set = decode_key_set(await self._fetch())
            except (EdgeError, ValueError) as error:
                reason = error.reason if isinstance(error, EdgeError) else "token_keys_malformed"
                self._counts.upstream_errors[reason] += 1
                logger.warning("token keys could not be fetched", extra={"reason": reason})
                return
            self._verifier.replace_keys(
                key_set.keys, not_issued_before_s=key_set.not_issued_before_s
            )
            if self._fetched_s is None:
                logger.info("token keys fetched", extra={"keys": len(key_set.keys)})
            self._fetched_s = self._clock()

    async def refresh_early(self) -> bool:
        """Fetch the keys because a token's key is unknown: a new one may sign by now.

        Returns:
            Whether another look at the token is worth it. False if keys were fetched just before.
        """
        tried_s = self._tried_s
        if tried_s is not None and self._clock() - tried_s < self._early_refresh_s:
            return False
        await self.refresh()
        return True

    async def keep_fresh(self) -> None:
        """Fetch the keys again and again, until cancelled."""
        while True:
            await asyncio.sleep(self._refresh_s if self.has_keys else _RETRY_S)
            await self.refresh()

    async def _fetch(self) -> bytes:
        answer = await self._drm.send(UpstreamRequest("GET", KEYS_TARGET, Fields()))
        try:
            if answer.status != 200:
                raise UpstreamProtocolError(f"drm answered {answer.status}")
            data = b""
            while chunk := await answer.read_some():
                data += chunk
                if len(data) > KEY_SET_BYTES_MAX:
                    raise UpstreamProtocolError("the key set is too long")
            return data
        finally:
            answer.close()
