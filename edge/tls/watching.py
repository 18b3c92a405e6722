"""Certificates are exchanged when their files change, or when somebody asks for it."""

import asyncio
import contextlib
import logging

from edge.tls.certificates import CertificateError
from edge.tls.keyring import Keyring

logger = logging.getLogger(__name__)


class CertificateWatch:
    """Looks after the files of a keyring.

    Args:
        keyring: that is kept as they are.
        every_s: how often they are looked at.
    """

    def __init__(self, keyring: Keyring, *, every_s: float) -> None:
        self._keyring = keyring
        self._every_s = every_s
        self._is_asked = asyncio.Event()

    def ask(self) -> None:
        """Have the files read now, changed or not."""
        self._is_asked.set()

    async def watch(self) -> None:
        """Go on until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._every_s):
                    await self._is_asked.wait()
            is_asked = self._is_asked.is_set()
            self._is_asked.clear()
            await self._look(is_asked=is_asked)

    async def _look(self, *, is_asked: bool) -> None:
        keyring = self._keyring
        try:
            has_changed = await asyncio.to_thread(keyring.reload if is_asked else keyring.look)
        except CertificateError as error:
            logger.error(  # noqa: TRY400 - it says all there is to say
                "certificates are not exchanged: those in use stay", extra={"reason": str(error)}
            )
            return
        if is_asked or has_changed:
            names = [one.names for one in keyring.certificates]
            logger.info("certificates are loaded", extra={"names": names})
