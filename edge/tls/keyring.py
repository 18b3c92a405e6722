"""What TLS is spoken with: contexts by name, exchanged while connections go on."""

import logging
from collections.abc import Callable, Sequence
from typing import Final

from edge.tls.certificates import (
    Certificate,
    CertificateError,
    CertificateFiles,
    read_certificate,
)
from edge.tls.names import ByName
from edge.tls.openssl import ServerContext, TlsError, TlsSession

logger = logging.getLogger(__name__)

# So long at most tickets are sealed with one key: who gets hold of it reads no more than that.
_TICKET_KEY_S: Final = 12 * 3600.0

Now = Callable[[], float]


class Keyring:
    """The certificates of a listener.

    All sessions begin with one context, whose key seals tickets, and go on with that of the name
    their client asks for: so tickets outlive an exchange of certificates.

    Args:
        files: of each certificate, that of clients which name no known server first.
        is_tls12: whether TLS 1.2 is spoken beside 1.3.
        clock: seconds since the epoch.

    Raises:
        CertificateError: one of them cannot be used.
    """

    def __init__(self, files: Sequence[CertificateFiles], *, is_tls12: bool, clock: Now) -> None:
        assert files
        self._files = tuple(files)
        self._is_tls12 = is_tls12
        self._clock = clock
        self._marks = self._marks_now()
        self.certificates, self._by_name = self._read()
        self._front, self._front_since_s = self._make_front(), clock()
        self.loaded_s = clock()
        self.is_current = True

    def session(self, descriptor: int) -> TlsSession:
        """Begin a session on a socket."""
        return self._front.session(descriptor)

    def reload(self) -> None:
        """Use what is in the files now.

        Raises:
            CertificateError: something is wrong with it, and what was there before stays.
        """
        try:
            self._marks = self._marks_now()
            self.certificates, self._by_name = self._read()
        except CertificateError:
            self.is_current = False
            raise
        self.is_current = True
        self.loaded_s = self._clock()

    def look(self) -> bool:
        """Reload if a file has changed, and renew the key of tickets when its time has come.

        Returns:
            Whether certificates were exchanged.

        Raises:
            CertificateError: see `reload`. It is raised once for each change of a file.
        """
        if self._clock() - self._front_since_s >= _TICKET_KEY_S:
            self._front, self._front_since_s = self._make_front(), self._clock()
        try:
            if self._marks_now() == self._marks:
                return False
        except CertificateError:
            if not self.is_current:
                return False
            self.is_current = False
            raise
        self.reload()
        return True

    def _marks_now(self) -> tuple[object, ...]:
        return tuple(one.marks() for one in self._files)

    def _read(self) -> tuple[tuple[Certificate, ...], ByName[ServerContext]]:
        found = tuple(read_certificate(one) for one in self._files)
        for certificate in found:
            if certificate.not_after_s <= self._clock():
                logger.error("a certificate has ended", extra={"names": certificate.names})
        contexts = [
            self._context(files, certificate)
            for files, certificate in zip(self._files, found, strict=True)
        ]
        names = [one.names for one in found]
        return found, ByName(zip(names, contexts, strict=True))

    def _context(self, files: CertificateFiles, certificate: Certificate) -> ServerContext:
        try:
            return ServerContext(certificate.chain, certificate.key, is_tls12=self._is_tls12)
        except TlsError as error:
            raise CertificateError(f"{files.certificate}: {error}") from error

    def _make_front(self) -> ServerContext:
        default = self.certificates[0]
        return ServerContext(
            default.chain,
            default.key,
            is_tls12=self._is_tls12,
            select=self._find,
        )

    def _find(self, name: str) -> ServerContext:
        return self._by_name.find(name)
