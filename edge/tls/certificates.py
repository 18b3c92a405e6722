"""Certificates of the listener: read from their files, and found by the names they are for."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from config.settings import SettingsError

# A chain with its comments is a few pages of text; a larger file is some other file.
_FILE_BYTES_MAX: Final = 1 << 20


class CertificateError(SettingsError):
    """A certificate or its key cannot be used; the message names the file and says why."""


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """Where a certificate is.

    Attributes:
        certificate: PEM, the server's own first, then what leads to a root.
        key: PEM, not encrypted.
    """

    certificate: Path
    key: Path

    def marks(self) -> tuple[tuple[int, int, int], ...]:
        """Something that changes when a file is replaced or written.

        Raises:
            CertificateError: a file is not there.
        """
        return tuple(_mark(path) for path in (self.certificate, self.key))


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate with its key.

    Attributes:
        names: it is for; lower case, `*.` before those that stand for any one label.
        not_after_s: when it ends, in seconds since the epoch.
        chain: in PEM, one each.
        key: in PEM.
    """

    names: tuple[str, ...]
    not_after_s: float
    chain: tuple[bytes, ...]
    key: bytes = field(repr=False)


def read_certificate(files: CertificateFiles) -> Certificate:
    """Read a certificate and its key, whatever its dates.

    Raises:
        CertificateError: a file cannot be read, is not what it should be, or is not the other's.
    """
    chain = _read_chain(files.certificate)
    own = chain[0]
    try:
        names, public_key = _names_of(own), own.public_key()
    except (
        ValueError,
        UnsupportedAlgorithm,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
    ) as error:  # It is read piece by piece, when a piece is asked for.
        raise CertificateError(f"{files.certificate}: the certificate is malformed") from error
    key = _read_key(files.key, public_key)
    return Certificate(
        names=names,
        not_after_s=own.not_valid_after_utc.timestamp(),
        chain=tuple(one.public_bytes(Encoding.PEM) for one in chain),
        key=key,
    )


def _mark(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise CertificateError(f"{path}: {error.strerror}") from error
    return status.st_mtime_ns, status.st_size, status.st_ino


def _read_chain(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(_read(path))
    except ValueError as error:
        raise CertificateError(f"{path}: there is no certificate in PEM in it") from error


def _read_key(path: Path, certified: CertificatePublicKeyTypes) -> bytes:
    try:
        key = load_pem_private_key(_read(path), None)
    except TypeError as error:
        raise CertificateError(
            f"{path}: the key is encrypted; nobody could enter its password at a restart"
        ) from error
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateError(f"{path}: there is no private key in PEM in it") from None
    public = PublicFormat.SubjectPublicKeyInfo
    own = certified.public_bytes(Encoding.DER, public)
    if key.public_key().public_bytes(Encoding.DER, public) != own:
        raise CertificateError(f"{path}: the key is not that of the certificate")
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_FILE_BYTES_MAX + 1)
    except OSError as error:
        raise CertificateError(f"{path}: {error.strerror}") from error
    if len(content) > _FILE_BYTES_MAX:
        raise CertificateError(f"{path}: larger than {_FILE_BYTES_MAX} bytes")
    return content


def _names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """The names in the certificate; that of its subject if there are no others."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        attributes = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        names: list[str | bytes] = [one.value for one in attributes]
    else:
        names = [*found.get_values_for_type(x509.DNSName)]
        names += [str(one) for one in found.get_values_for_type(x509.IPAddress)]
    return tuple(name.lower() for name in names if isinstance(name, str))
