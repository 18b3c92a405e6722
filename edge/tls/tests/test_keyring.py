import asyncio
import socket
import ssl
from pathlib import Path

import pytest

from edge.tls.certificates import CertificateError
from edge.tls.keyring import Keyring
from edge.tls.tests.certificate_making import BEGIN, END, make, trusting, write
from edge.tls.tests.conversing import Visitor, open_echo

pytestmark = pytest.mark.socket


class Clock:
    now_s = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now_s


async def test_each_name_gets_its_certificate(tmp_path: Path):
    first, second = make("a.example"), make("*.b.example")
    files = [write(first, tmp_path, "first"), write(second, tmp_path, "second")]
    keyring = Keyring(files, is_tls12=True, clock=Clock())
    async with open_echo(keyring) as address:
        for made, name in ((first, "a.example"), (second, "x.b.example")):
            async with Visitor(address, trusting(made), name) as visitor:
                assert await visitor.ask(b"hello") == b"hello"
        with pytest.raises(ssl.SSLCertVerificationError, match=r"not valid for 'c\.example'"):
            async with Visitor(address, trusting(first), "c.example"):
                pass
        client = trusting(first)
        client.check_hostname = False
        async with Visitor(address, client, None) as visitor:
            assert await visitor.ask(b"who names nobody") == b"who names nobody"


async def test_certificates_are_exchanged_under_open_connections(tmp_path: Path):
    before, after = make("a.example"), make("a.example")
    files = write(before, tmp_path, "a")
    keyring = Keyring([files], is_tls12=True, clock=Clock())
    assert not keyring.look()
    async with open_echo(keyring) as address, Visitor(address, trusting(before)) as early:
        write(after, tmp_path, "a")
        assert keyring.look()
        assert not keyring.look()
        async with Visitor(address, trusting(after)) as late:
            assert await late.ask(b"new") == b"new"
        assert await early.ask(b"old") == b"old"


async def test_a_bad_file_leaves_what_there_was(tmp_path: Path):
    made = make("a.example")
    files = write(made, tmp_path, "a")
    keyring = Keyring([files], is_tls12=True, clock=Clock())
    files.key.write_bytes(b"half of a k")
    with pytest.raises(CertificateError, match=r"a\.key"):
        keyring.look()
    assert not keyring.is_current
    assert not keyring.look()  # It is told once.
    async with open_echo(keyring) as address, Visitor(address, trusting(made)) as visitor:
        assert await visitor.ask(b"still here") == b"still here"
    files.key.unlink()
    assert not keyring.look()
    write(made, tmp_path, "a")
    assert keyring.look()
    assert keyring.is_current


async def test_a_file_that_is_gone_is_told_once(tmp_path: Path):
    files = write(make("a.example"), tmp_path, "a")
    keyring = Keyring([files], is_tls12=True, clock=Clock())
    files.certificate.unlink()
    with pytest.raises(CertificateError, match=r"a\.pem"):
        keyring.look()
    assert not keyring.look()
    assert not keyring.is_current


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_tickets_outlive_an_exchange_but_not_the_key_of_tickets(
    tmp_path: Path, version: ssl.TLSVersion
):
    clock, made = Clock(), make("a.example")
    keyring = Keyring([write(made, tmp_path, "a")], is_tls12=True, clock=clock)
    client = trusting(made)
    client.minimum_version = client.maximum_version = version
    async with open_echo(keyring) as address:
        ticket = await asyncio.to_thread(_visit, address, client, None)
        assert not ticket.was_resumed
        write(made, tmp_path, "a")
        assert keyring.look()
        again = await asyncio.to_thread(_visit, address, client, ticket.session)
        assert again.was_resumed
        clock.now_s += 13 * 3600
        assert not keyring.look()
        late = await asyncio.to_thread(_visit, address, client, again.session)
        assert not late.was_resumed


class _Visit:
    def __init__(self, wrapped: ssl.SSLSocket) -> None:
        wrapped.sendall(b"hello")
        assert wrapped.recv(100) == b"hello"  # A ticket of TLS 1.3 comes with it.
        self.was_resumed = wrapped.session_reused
        self.session = wrapped.session


def _visit(
    address: tuple[str, int], client: ssl.SSLContext, session: ssl.SSLSession | None
) -> _Visit:
    with (
        socket.create_connection(address, timeout=10) as plain,
        client.wrap_socket(plain, server_hostname="a.example", session=session) as wrapped,
    ):
        return _Visit(wrapped)


def test_an_ended_certificate_is_used_and_told_of(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    files = write(make("a.example", end=BEGIN.replace(day=2)), tmp_path, "a")
    keyring = Keyring([files], is_tls12=True, clock=Clock())
    assert keyring.certificates[0].not_after_s < END.timestamp()
    assert "has ended" in caplog.text


def test_the_key_is_not_shown(tmp_path: Path):
    keyring = Keyring([write(make("a.example"), tmp_path, "a")], is_tls12=True, clock=Clock())
    assert "PRIVATE" not in repr(keyring) + repr(keyring.certificates)
