"""Shared secrets between the roles and their operator, and who may call a local listener.

A credential is random text of 256 bits. It is compared in constant time and shown by no `repr`.
"""

import hmac
import secrets
from collections.abc import Mapping
from ipaddress import ip_address
from typing import ClassVar, Final, Self
from urllib.parse import urlsplit

from typing_extensions import override

# The edge shows this to origin and drm; whatever a listener sends under this name is dropped.
EDGE_CREDENTIAL_HEADER: Final = "Attacca-Edge-Credential"

_CREDENTIAL_BYTES: Final = 32
# Shorter secrets can be guessed.
CREDENTIAL_CHARACTERS_MIN: Final = 16


class CallRefusedError(Exception):
    """A call that a web page may have forged, or one without the credential that it needs.

    Attributes:
        status: 401 where a credential would help, 403 where it would not.
    """

    status: ClassVar[int] = 403
    retryable: ClassVar[bool] = False
    reason: ClassVar[str] = "call_refused"
    title: ClassVar[str] = "This call is not allowed."
    headers: ClassVar[Mapping[str, str]] = {"Cache-Control": "no-store"}


class CredentialMissingError(CallRefusedError):
    """The call carries no credential, or a wrong one."""

    status = 401
    reason = "credential_missing"
    title = "This call needs a credential."
    headers: ClassVar[Mapping[str, str]] = {
        "Cache-Control": "no-store",
        "WWW-Authenticate": "Bearer",
    }


class Credential:
    """A shared secret.

    Args:
        text: at least `CREDENTIAL_CHARACTERS_MIN` characters of ASCII.

    Raises:
        ValueError: the text is too short or not ASCII. The message does not show it.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        if len(text) < CREDENTIAL_CHARACTERS_MIN or not text.isascii() or not text.isprintable():
            raise ValueError(
                f"a credential is at least {CREDENTIAL_CHARACTERS_MIN} printable ASCII characters"
            )
        self._text = text

    @classmethod
    def generate(cls) -> Self:
        """A new random credential of 256 bits."""
        return cls(secrets.token_urlsafe(_CREDENTIAL_BYTES))

    def reveal(self) -> str:
        """The secret itself, to be sent and never to be logged."""
        return self._text

    def matches(self, presented: str | None) -> bool:
        """Tell in constant time whether `presented` is this secret."""
        if presented is None:
            return False
        return hmac.compare_digest(self._text.encode(), presented.encode("utf-8", "replace"))

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Credential) and self.matches(other.reveal())

    @override
    def __hash__(self) -> int:
        return hash(self._text)

    @override
    def __repr__(self) -> str:
        return "Credential(…)"


def bearer_of(headers: Mapping[str, str]) -> str | None:
    """The credential of `Authorization: Bearer …` (RFC 6750 section 2.1), or None."""
    scheme, _, credential = headers.get("Authorization", "").partition(" ")
    return credential.strip() if scheme.lower() == "bearer" and credential.strip() else None


def guard_local_call(headers: Mapping[str, str], *, allowed_hosts: frozenset[str]) -> None:
    """Refuse what a web page could make a browser send to a listener on this machine.

    Args:
        headers: fields of the request, looked up without regard to case.
        allowed_hosts: host names that this listener goes by, in any case, beside loopback.

    Raises:
        CallRefusedError: the request has an `Origin`, or its `Host` is not one of this listener:
            DNS rebinding sends a foreign one.
    """
    if "Origin" in headers:
        raise CallRefusedError("calls from web pages are not accepted here (`Origin` is set)")
    try:
        host = urlsplit(f"//{headers.get('Host', '')}").hostname or ""
    except ValueError:
        host = ""
    names = {name.lower() for name in allowed_hosts}
    if host.lower() not in names and not _is_loopback(host):
        raise CallRefusedError("`Host` is not a name of this listener")


def require_bearer(
    headers: Mapping[str, str], credential: Credential, *, allowed_hosts: frozenset[str]
) -> None:
    """Let through only a call that `guard_local_call` accepts and that carries `credential`.

    Raises:
        CallRefusedError: see `guard_local_call`.
        CredentialMissingError: the credential is absent or wrong.
    """
    guard_local_call(headers, allowed_hosts=allowed_hosts)
    if not credential.matches(bearer_of(headers)):
        raise CredentialMissingError("`Authorization: Bearer` with the operator's credential")


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
