import base64
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from edge.tls.certificates import CertificateError, CertificateFiles, read_certificate
from edge.tls.tests.certificate_making import END, make, write


def test_a_certificate_is_read_with_its_names_and_its_end(tmp_path: Path):
    found = read_certificate(write(make("Edge.Example", "*.edge.example"), tmp_path, "a"))
    assert found.names == ("edge.example", "*.edge.example")
    assert found.not_after_s == END.timestamp()
    assert len(found.chain) == 1


def test_the_whole_chain_is_read(tmp_path: Path):
    own, above = make("edge.example"), make("an.authority.example")
    files = write(own, tmp_path, "a")
    files.certificate.write_bytes(b"a remark\n" + own.certificate + above.certificate)
    assert read_certificate(files).chain == (own.certificate, above.certificate)


def test_the_key_is_not_shown(tmp_path: Path):
    made = make("edge.example")
    found = read_certificate(write(made, tmp_path, "a"))
    assert found.key == made.key
    assert "PRIVATE" not in repr(found)


def _no_certificate(files: CertificateFiles) -> None:
    files.certificate.unlink()


def _no_key(files: CertificateFiles) -> None:
    files.key.unlink()


def _no_pem(files: CertificateFiles) -> None:
    files.certificate.write_bytes(b"\x30\x82")


def _half_a_key(files: CertificateFiles) -> None:
    files.key.write_bytes(files.key.read_bytes()[:60])


def _other_key(files: CertificateFiles) -> None:
    files.key.write_bytes(make("other.example").key)


def _encrypted_key(files: CertificateFiles) -> None:
    made = make("edge.example", password=b"secret of the key")
    files.certificate.write_bytes(made.certificate)
    files.key.write_bytes(made.key)


def _malformed(files: CertificateFiles) -> None:
    made = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    content = made.public_bytes(Encoding.DER)
    # A name of a kind that nobody knows.
    changed = content.replace(b"\x82\x0cedge.example", b"\x83\x0cedge.example")
    assert changed != content
    files.certificate.write_bytes(
        b"-----BEGIN CERTIFICATE-----\n%b-----END CERTIFICATE-----\n" % base64.encodebytes(changed)
    )


def _endless(files: CertificateFiles) -> None:
    files.certificate.write_bytes(bytes((1 << 20) + 1))


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        pytest.param(_no_certificate, r"a\.pem: No such file", id="no certificate"),
        pytest.param(_no_key, r"a\.key: No such file", id="no key"),
        pytest.param(_no_pem, r"a\.pem: there is no certificate in PEM", id="not PEM"),
        pytest.param(_half_a_key, r"a\.key: there is no private key in PEM", id="half a key"),
        pytest.param(_other_key, r"a\.key: the key is not that of", id="another's key"),
        pytest.param(_encrypted_key, r"a\.key: the key is encrypted", id="encrypted"),
        pytest.param(_malformed, r"a\.pem: the certificate is malformed", id="malformed"),
        pytest.param(_endless, r"a\.pem: larger than", id="some other file"),
    ],
)
def test_what_is_wrong_is_told_by_file(
    tmp_path: Path, spoil: Callable[[CertificateFiles], None], told: str
):
    files = write(make("edge.example"), tmp_path, "a")
    spoil(files)
    with pytest.raises(CertificateError, match=told):
        read_certificate(files)


def test_a_file_that_is_replaced_has_another_mark(tmp_path: Path):
    made = make("edge.example")
    before = write(made, tmp_path, "a").marks()
    assert write(made, tmp_path, "a").marks() != before
