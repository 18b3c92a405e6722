"""An authority for the nodes of a PoP, and a certificate of it for each."""

import datetime as dt
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAYS = 30


def make_certificates(folder: Path, nodes: list[str], *, now: dt.datetime) -> None:
    """Write `ca.pem`, and `NODE.pem` and `NODE.key` for each node."""
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = _name("attacca-pop")
    _write(
        folder / "ca.pem",
        _builder(authority, authority, authority_key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(authority_key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM),
    )
    for node in nodes:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _builder(_name(node), authority, key.public_key(), now)
        signed = certificate.sign(authority_key, hashes.SHA256())
        _write(folder / f"{node}.pem", signed.public_bytes(serialization.Encoding.PEM))
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        _write(folder / f"{node}.key", private)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: dt.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=_DAYS))
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _write(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)
