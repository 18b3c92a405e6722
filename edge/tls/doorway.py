"""TLS of a listener, its parts put together from the settings."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from edge.fronts import Fronts
from edge.tls.certificates import CertificateFiles
from edge.tls.keyring import Keyring
from edge.tls.listening import HandshakeLimits, ProtocolFactory, TlsListener
from edge.tls.metrics import TlsCounts
from edge.tls.settings import TlsSettings, TlsVersion
from edge.tls.watching import CertificateWatch


@dataclass(frozen=True, slots=True)
class TlsDoorway:
    """What TLS needs beside sockets.

    Attributes:
        keyring: the certificates.
        watch: keeps them as their files are; somebody has to run it.
        limits: of handshakes.
        counts: what became of them.
        fronts: who are believed who clients are; None for nobody.
    """

    keyring: Keyring
    watch: CertificateWatch
    limits: HandshakeLimits
    counts: TlsCounts
    fronts: Fronts | None

    @classmethod
    async def open(
        cls, settings: TlsSettings, fronts: Fronts | None, clock: Callable[[], float]
    ) -> Self:
        """Read the certificates.

        Raises:
            CertificateError: one of them cannot be used.
        """
        files = [
            CertificateFiles(one.certificate_file, one.key_file) for one in settings.certificates
        ]
        is_tls12 = settings.min_version is TlsVersion.TLS12
        keyring = await asyncio.to_thread(Keyring, files, is_tls12=is_tls12, clock=clock)
        return cls(
            keyring,
            CertificateWatch(keyring, every_s=settings.watch_s),
            HandshakeLimits(settings.handshake_s, settings.handshakes_max),
            TlsCounts(),
            fronts,
        )

    def listener(self, sockets: Sequence[socket.socket], factory: ProtocolFactory) -> TlsListener:
        """What serves on sockets that listen, once it is started; it does not close them."""
        return TlsListener(
            sockets,
            new_session=self.keyring.session,
            factory=factory,
            fronts=self.fronts,
            limits=self.limits,
            counts=self.counts,
        )
