"""The border to OpenSSL: contexts and sessions of a server.

The library is the one that comes with `cryptography`, by the bindings that pyOpenSSL is made on,
and not the one of Python's `ssl`. `ssl` writes one record of 16 KiB a call, cannot be told to let
go of its buffers, and is as old as the system it runs on. All that touches these bindings is in
this module, and `tests/test_openssl.py` fails when an upgrade changes them.
"""

from collections.abc import Callable, Iterable
from enum import Enum, auto
from typing import Any, Final, TypeAlias

from cryptography.hazmat.bindings.openssl.binding import Binding

# What C points at: the bindings have no types of their own.
Pointer: TypeAlias = Any

_BINDING: Final = Binding()
_lib: Final[Any] = _BINDING.lib
_ffi: Final[Any] = _BINDING.ffi

# RFC 8446 section 5.1: no record holds more.
RECORD_BYTES_MAX: Final = 16384

# Suites of TLS 1.2 with forward secrecy and authenticated encryption only (RFC 9325 section 4.2),
# and those of TLS 1.3. Which of them is quickest, the client knows best.
_TLS12_SUITES: Final = (
    b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    b"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    b"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
)
_TLS13_SUITES: Final = b"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
_PROTOCOL: Final = b"http/1.1"

# For how long a client may come back with a ticket, in seconds.
_SESSION_S: Final = 7200

# What is read goes through here on its way to `bytes`: one loop, one thread.
_received: Final = _ffi.new("char[]", RECORD_BYTES_MAX)
_chosen_protocol: Final = _ffi.new("unsigned char[]", _PROTOCOL)


class TlsError(Exception):
    """The session or what it was to be made from cannot be used; told in OpenSSL's words."""


class Step(Enum):
    """What became of a step that may have to wait for the socket."""

    DONE = auto()
    WANTS_READ = auto()
    WANTS_WRITE = auto()
    CLOSED = auto()


# Gives the context for the name that a client asks for; an empty one if it names none.
Select = Callable[[str], "ServerContext"]


class ServerContext:
    """What sessions are made from: a certificate with its key, and what is offered.

    Args:
        chain: certificates in PEM, the server's own first.
        key: its private key in PEM, not encrypted.
        is_tls12: whether TLS 1.2 is spoken beside 1.3.
        select: chooses another context by name; without it there is this one.

    Raises:
        TlsError: OpenSSL cannot use certificate or key.
    """

    __slots__ = ("_context", "_kept")

    def __init__(
        self, chain: Iterable[bytes], key: bytes, *, is_tls12: bool, select: Select | None = None
    ) -> None:
        context = _ffi.gc(_lib.SSL_CTX_new(_lib.TLS_server_method()), _lib.SSL_CTX_free)
        lowest = _lib.TLS1_2_VERSION if is_tls12 else _lib.TLS1_3_VERSION
        _require(_lib.SSL_CTX_set_min_proto_version(context, lowest))
        _lib.SSL_CTX_set_options(context, _lib.SSL_OP_NO_COMPRESSION | _lib.SSL_OP_NO_RENEGOTIATION)
        # A record is written whole before the next is begun, and buffers are for who uses them.
        _lib.SSL_CTX_set_mode(
            context,
            _lib.SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
            | _lib.SSL_MODE_AUTO_RETRY
            | _lib.SSL_MODE_RELEASE_BUFFERS,
        )
        # Sessions are kept by clients, in tickets.
        _lib.SSL_CTX_set_session_cache_mode(context, _lib.SSL_SESS_CACHE_OFF)
        _lib.SSL_CTX_set_timeout(context, _SESSION_S)
        _require(_lib.SSL_CTX_set_cipher_list(context, _TLS12_SUITES))
        _require(_lib.SSL_CTX_set_ciphersuites(context, _TLS13_SUITES))
        _use_certificates(context, chain)
        _use_key(context, key)
        _lib.SSL_CTX_set_alpn_select_cb(context, _select_protocol, _ffi.NULL)
        self._context = context
        self._kept: Pointer = None
        if select is not None:
            self._kept = _name_callback(select)
            _lib.SSL_CTX_set_tlsext_servername_callback(context, self._kept)

    def session(self, descriptor: int) -> "TlsSession":
        """A session on a socket that does not block; whose client has said nothing yet."""
        return TlsSession(self, self._context, descriptor)

    def switch(self, session: Pointer) -> None:
        """Go on with this context in a session whose client has named its server."""
        _lib.SSL_set_SSL_CTX(session, self._context)


class TlsSession:
    """One connection's TLS. Made by `ServerContext.session`; reads and writes the socket itself."""

    __slots__ = ("_context", "_session")

    def __init__(self, owner: ServerContext, context: Pointer, descriptor: int) -> None:
        session = _ffi.gc(_lib.SSL_new(context), _lib.SSL_free)
        _require(_lib.SSL_set_fd(session, descriptor))
        _lib.SSL_set_accept_state(session)
        self._session = session
        self._context = owner  # Its callbacks are needed as long as there is this.

    def handshake(self) -> Step:
        """Go on with the handshake.

        Raises:
            TlsError: it has failed.
        """
        _lib.ERR_clear_error()
        result = _lib.SSL_do_handshake(self._session)
        if result == 1:
            return Step.DONE
        step = self._step(result)
        if step is Step.CLOSED:
            raise TlsError("the client left")
        return step

    def read(self) -> bytes | Step:
        """What the client has sent, up to a record; or why there is nothing.

        Raises:
            TlsError: the session is broken.
        """
        _lib.ERR_clear_error()
        count = _lib.SSL_read(self._session, _received, RECORD_BYTES_MAX)
        if count > 0:
            content: bytes = _ffi.buffer(_received, count)[:]
            return content
        return self._step(count)

    def write(self, content: bytes | bytearray | memoryview) -> Step:
        """Send all of `content`, which is not empty.

        Unless it is done, the same has to be written again: part of it may be on its way.

        Raises:
            TlsError: the session is broken.
        """
        # An error that somebody else has left would be taken for one of this: SSL_get_error(3).
        _lib.ERR_clear_error()
        # Bytes are handed over as they are: half a microsecond of some fifteen.
        start = content if isinstance(content, bytes) else _ffi.from_buffer(content)
        count = _lib.SSL_write(self._session, start, len(content))
        return Step.DONE if count > 0 else self._step(count)

    def shut_down(self) -> None:
        """Tell the client that nothing more comes, if the socket takes it at once."""
        _lib.ERR_clear_error()
        _lib.SSL_shutdown(self._session)
        _lib.ERR_clear_error()

    @property
    def version(self) -> str:
        """Such as `TLSv1.3`."""
        text: bytes = _ffi.string(_lib.SSL_get_version(self._session))
        return text.decode("ascii")

    @property
    def is_resumed(self) -> bool:
        """Whether the client came back with a ticket."""
        return bool(_lib.SSL_session_reused(self._session))

    def _step(self, result: int) -> Step:
        error = _lib.SSL_get_error(self._session, result)
        if error == _lib.SSL_ERROR_WANT_READ:
            return Step.WANTS_READ
        if error == _lib.SSL_ERROR_WANT_WRITE:
            return Step.WANTS_WRITE
        code = _lib.ERR_peek_error()
        told = _told_error()  # None of it is left for the next session to find.
        if error in {_lib.SSL_ERROR_ZERO_RETURN, _lib.SSL_ERROR_SYSCALL}:
            return Step.CLOSED
        if _lib.ERR_GET_REASON(code) == _lib.SSL_R_UNEXPECTED_EOF_WHILE_READING:
            return Step.CLOSED
        raise TlsError(told)


def _require(result: int) -> None:
    if result != 1:
        raise TlsError(_told_error())


def _told_error() -> str:
    """The oldest error of OpenSSL's queue, which is emptied."""
    code = _lib.ERR_get_error()
    _lib.ERR_clear_error()
    text = _lib.ERR_reason_error_string(code)
    return _ffi.string(text).decode("ascii", "replace") if text else "no reason given"


def _use_certificates(context: Pointer, chain: Iterable[bytes]) -> None:
    for number, text in enumerate(chain):
        certificate = _lib.PEM_read_bio_X509(_memory(text), _ffi.NULL, _ffi.NULL, _ffi.NULL)
        if certificate == _ffi.NULL:
            raise TlsError(_told_error())
        if number == 0:
            certificate = _ffi.gc(certificate, _lib.X509_free)
            _require(_lib.SSL_CTX_use_certificate(context, certificate))
        else:  # The context owns it from here on.
            _require(_lib.SSL_CTX_add_extra_chain_cert(context, certificate))


def _use_key(context: Pointer, key: bytes) -> None:
    made = _lib.PEM_read_bio_PrivateKey(_memory(key), _ffi.NULL, _ffi.NULL, _ffi.NULL)
    if made == _ffi.NULL:
        raise TlsError(_told_error())
    made = _ffi.gc(made, _lib.EVP_PKEY_free)
    _require(_lib.SSL_CTX_use_PrivateKey(context, made))
    _require(_lib.SSL_CTX_check_private_key(context))


def _memory(content: bytes) -> Pointer:
    buffer = _ffi.from_buffer(content)
    # Not freed before what it reads.
    return _ffi.gc(_lib.BIO_new_mem_buf(buffer, len(content)), lambda one: _free(one, buffer))


def _free(memory: Pointer, _: Pointer) -> None:
    _lib.BIO_free(memory)


def _name_callback(select: Select) -> Pointer:
    @_ffi.callback("int(*)(SSL *, int *, void *)", error=_lib.SSL_TLSEXT_ERR_ALERT_FATAL)  # type: ignore[untyped-decorator]
    def choose(session: Pointer, _alert: Pointer, _: Pointer) -> int:
        named = _lib.SSL_get_servername(session, _lib.TLSEXT_NAMETYPE_host_name)
        name = "" if named == _ffi.NULL else _ffi.string(named).decode("ascii", "replace")
        select(name).switch(session)
        chosen: int = _lib.SSL_TLSEXT_ERR_OK
        return chosen

    return choose


@_ffi.callback(  # type: ignore[untyped-decorator]
    "int(*)(SSL *, unsigned char **, unsigned char *, unsigned char *, unsigned int, void *)",
    error=_lib.SSL_TLSEXT_ERR_ALERT_FATAL,
)
def _select_protocol(
    _session: Pointer,
    chosen: Pointer,
    chosen_length: Pointer,
    offered: Pointer,
    length: int,
    _: Pointer,
) -> int:
    """HTTP/1.1, or nothing in common: RFC 7301 section 3.2."""
    names = bytes(_ffi.buffer(offered, length))
    while names:
        size = names[0]
        if names[1 : 1 + size] == _PROTOCOL:
            chosen[0], chosen_length[0] = _chosen_protocol, len(_PROTOCOL)
            accepted: int = _lib.SSL_TLSEXT_ERR_OK
            return accepted
        names = names[1 + size :]
    refused: int = _lib.SSL_TLSEXT_ERR_ALERT_FATAL
    return refused
