"""The bindings of `cryptography` are as `openssl` needs them."""

import socket
import ssl
import threading
import warnings
from collections.abc import Callable

import pytest

from edge.tls.openssl import ServerContext, Step, TlsError, TlsSession, _lib
from edge.tls.tests.certificate_making import make, trusting

_ERR_LIB_SSL = 20  # openssl/err.h

MADE = make("edge.example")
CONTEXT = ServerContext([MADE.certificate], MADE.key, is_tls12=True)


def _meet(
    context: ServerContext, client: ssl.SSLContext, serve: Callable[[TlsSession], object]
) -> tuple[object, object]:
    """Let a client of Python's own `ssl` meet a session; what each side came to."""
    ours, theirs = socket.socketpair()
    told: list[object] = []

    def visit() -> None:
        theirs.settimeout(10)
        try:
            with client.wrap_socket(theirs, server_hostname="edge.example") as wrapped:
                wrapped.sendall(b"a request")
                told.extend(
                    (wrapped.recv(100), wrapped.version(), wrapped.selected_alpn_protocol())
                )
        except (ssl.SSLError, OSError) as error:
            told.append(error)

    visitor = threading.Thread(target=visit)
    visitor.start()
    try:
        ours.settimeout(10)  # Each step waits here: a descriptor with it does not block.
        session = context.session(ours.fileno())
        answer: object = None
        try:
            answer = serve(session)
        except TlsError as error:
            answer = error
    finally:
        ours.close()
        visitor.join(10)
    return answer, told[0] if len(told) == 1 else tuple(told)


def _settled(step: Callable[[], object], wait: Callable[[], object]) -> object:
    while (found := step()) in {Step.WANTS_READ, Step.WANTS_WRITE}:
        wait()
    return found


def _serve(session: TlsSession) -> object:
    pause = threading.Event()
    _settled(session.handshake, lambda: pause.wait(0.001))
    content = _settled(session.read, lambda: pause.wait(0.001))
    _settled(lambda: session.write(b"an answer"), lambda: pause.wait(0.001))
    session.shut_down()
    return content, session.version


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_request_and_its_answer(version: ssl.TLSVersion):
    client = trusting(MADE)
    client.minimum_version = client.maximum_version = version
    client.set_alpn_protocols(["h2", "http/1.1"])
    ours, theirs = _meet(CONTEXT, client, _serve)
    name = version.name.replace("_", ".")
    assert ours == (b"a request", name)
    assert theirs == (b"an answer", name, "http/1.1")


def test_who_speaks_no_http_1_is_refused():
    client = trusting(MADE)
    client.set_alpn_protocols(["h2"])
    ours, theirs = _meet(CONTEXT, client, _serve)
    assert isinstance(ours, TlsError)
    assert "no application protocol" in str(theirs)


def _old_client() -> ssl.SSLContext:
    client = trusting(MADE)
    client.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        client.minimum_version = client.maximum_version = ssl.TLSVersion.TLSv1_1
    return client


def test_tls_1_1_is_refused():
    ours, theirs = _meet(CONTEXT, _old_client(), _serve)
    assert isinstance(ours, TlsError)
    assert isinstance(theirs, ssl.SSLError)


def test_tls_1_2_can_be_refused():
    client = trusting(MADE)
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    strict = ServerContext([MADE.certificate], MADE.key, is_tls12=False)
    ours, theirs = _meet(strict, client, _serve)
    assert isinstance(ours, TlsError)
    assert "PROTOCOL_VERSION" in str(theirs)


@pytest.mark.parametrize(
    "suite", ["ECDHE-ECDSA-AES256-SHA384", "ECDHE-ECDSA-AES128-SHA"], ids=["CBC", "CBC and SHA-1"]
)
def test_weak_suites_are_not_spoken(suite: str):
    client = trusting(MADE)
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    client.set_ciphers(suite)
    ours, _ = _meet(CONTEXT, client, _serve)
    assert isinstance(ours, TlsError)


def test_a_client_that_does_not_trust_us_is_told_of():
    ours, theirs = _meet(CONTEXT, trusting(make("edge.example")), _serve)
    assert "unknown ca" in str(ours)
    assert isinstance(theirs, ssl.SSLCertVerificationError)


def test_an_error_that_somebody_else_has_left_is_none_of_a_write():
    def serve(session: TlsSession) -> object:
        _serve(session)
        _lib.ERR_put_error(_ERR_LIB_SSL, 0, _lib.SSL_R_UNEXPECTED_EOF_WHILE_READING, b"", 1)
        return session.write(b"too late")

    ours, _ = _meet(CONTEXT, trusting(MADE), serve)
    assert isinstance(ours, TlsError)  # And not an end that the client has made.


@pytest.mark.parametrize(
    ("certificate", "key"),
    [
        pytest.param(b"nonsense", MADE.key, id="certificate"),
        pytest.param(MADE.certificate, b"nonsense", id="key"),
        pytest.param(MADE.certificate, make("edge.example").key, id="another's key"),
    ],
)
def test_what_cannot_be_used_is_refused(certificate: bytes, key: bytes):
    with pytest.raises(TlsError):
        ServerContext([certificate], key, is_tls12=True)
