"""Certificates for tests, made on the spot."""

import datetime as dt
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from edge.tls.certificates import CertificateFiles

BEGIN = dt.datetime(2023, 1, 1, tzinfo=dt.UTC)
END = dt.datetime(2123, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Made:
    """A certificate that signs itself, as PEM."""

    certificate: bytes
    key: bytes


def make(*names: str, end: dt.datetime = END, password: bytes | None = None) -> Made:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "made for a test")])
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(BEGIN)
        .not_valid_after(end)
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return Made(
        built.public_bytes(Encoding.PEM),
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption),
    )


def write(made: Made, folder: Path, name: str) -> CertificateFiles:
    """Put a certificate where a keyring finds it; what was there is replaced as a whole."""
    files = CertificateFiles(folder / f"{name}.pem", folder / f"{name}.key")
    for path, content in ((files.certificate, made.certificate), (files.key, made.key)):
        fresh = path.with_suffix(".new")
        fresh.write_bytes(content)
        fresh.replace(path)
    return files


def trusting(*certificates: Made) -> ssl.SSLContext:
    """A client that accepts these, and checks the names in them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for one in certificates:
        context.load_verify_locations(cadata=one.certificate.decode())
    return context
