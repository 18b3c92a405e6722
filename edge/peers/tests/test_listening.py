"""Nodes show each other certificates of one authority; nobody else is let in."""

import datetime as dt
import ssl
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from config.sockets import ListenerError
from edge.peers.listening import client_tls
from edge.peers.mesh import ALONE
from edge.peers.settings import PeerSettings
from edge.peers.tests.company import PEERS, all_are_up, ports_of
from edge.peers.wording import HOP_FIELD
from edge.tests.conftest import ManualClock, open_worker
from edge.tests.scripted_origin import Resource, ScriptedOrigin

pytestmark = pytest.mark.socket


def make_authority(folder: Path) -> dict[str, str]:
    """A new authority, and a certificate of it; as the settings name them."""
    folder.mkdir()
    key, own_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, folder.name)])
    day = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    common = (
        x509.CertificateBuilder()
        .issuer_name(name)
        .not_valid_before(day - dt.timedelta(days=1))
        .not_valid_after(day + dt.timedelta(days=20_000))
    )
    authority = (
        common.subject_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    node = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "node")])
    certificate = (
        common.subject_name(node)
        .public_key(own_key.public_key())
        .serial_number(2)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = own_key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    contents = {
        "ca_file": authority.public_bytes(pem),
        "cert_file": certificate.public_bytes(pem),
        "key_file": private,
    }
    for name_of_file, content in contents.items():
        (folder / name_of_file).write_bytes(content)
    return {name_of_file: str(folder / name_of_file) for name_of_file in contents}


async def test_nodes_talk_over_tls_and_show_who_they_are(origin: ScriptedOrigin, tmp_path: Path):
    files, foreign = make_authority(tmp_path / "ours"), make_authority(tmp_path / "theirs")
    ports = ports_of("a", "b")
    nodes = [{"name": name, "url": f"https://127.0.0.1:{port}"} for name, port in ports.items()]

    def settings(own: str) -> dict[str, object]:
        peers = {"node": own, "nodes": nodes, "listen": f"127.0.0.1:{ports[own]}"}
        return {"peers": {**PEERS, **peers, **files}}

    origin.resources["/x"] = Resource(b"content")
    clock = ManualClock()
    async with (
        open_worker(origin, ALONE, clock, settings("a")) as a,
        open_worker(origin, ALONE, clock, settings("b")) as b,
    ):
        await all_are_up([a, b], 1)
        for node in (a, b):
            assert (await node.ask("/x")).content == b"content"
        assert len(origin.seen) == 1
        url = nodes[0]["url"] + "/x"
        assert await answered(url, files) == 200
        with pytest.raises(aiohttp.ClientError):  # A certificate of somebody else's authority.
            await answered(url, {**foreign, "ca_file": files["ca_file"]})
        with pytest.raises(aiohttp.ClientError):  # None at all.
            await answered(url, None)
        with pytest.raises(aiohttp.ClientError):  # In the clear.
            await answered(url.replace("https", "http"), None)


async def answered(url: str, files: dict[str, str] | None) -> int:
    if files is None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    else:
        found = client_tls(PeerSettings.model_validate(files))
        assert found is not None
        tls = found
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls)) as session,
        session.get(url, headers={HOP_FIELD: "node"}) as response,
    ):
        await response.read()
        return response.status


def test_certificates_that_cannot_be_used_are_named(tmp_path: Path):
    files = make_authority(tmp_path / "ours")
    Path(files["key_file"]).write_text("no key")
    with pytest.raises(ListenerError, match="key_file"):
        client_tls(PeerSettings.model_validate(files))
