"""Errors of the drm component, by whose fault they are.

* DrmError
    * TokenError: a playback token does not open what was asked for
        * TokenMissingError
        * TokenAmbiguousError
        * TokenMalformedError
        * TokenForeignError
        * TokenExpiredError
        * TokenRevokedError
        * TokenScopeError
    * RequestError: the request to drm is not one that it answers
        * RequestTimeoutError: its content does not arrive
        * TrackIdError: not a track id
        * ClaimsError: claims that no token may carry
        * TokenRequestError: not a request for a token
        * SigningKeyError: a signing key that cannot be rotated or retired
        * LicenseRequestError: not a W3C Clear Key license request
        * KidError: not the KID of a key
        * LicenseRefusedError: keys that this token does not reach
    * VaultError: our own store of keys
        * KekError: the key-encryption key is missing or is another one
        * VaultDamagedError: a stored key is not what was stored
        * VaultUnavailableError: the database cannot be read or written now
    * ContentKeysError: drm could not be asked for content keys over HTTP
        * ContentKeysRefusedError: it does not give them to us

None of them carries a key, a token or a credential, in its text or in its attributes.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Final

_NO_STORE: Final[Mapping[str, str]] = MappingProxyType({"Cache-Control": "no-store"})
_RETRY_SOON: Final[Mapping[str, str]] = MappingProxyType({**_NO_STORE, "Retry-After": "1"})


def _challenge(error: str = "") -> Mapping[str, str]:
    """Response fields of a refusal by token: RFC 6750 section 3."""
    parameters = 'realm="attacca"' + (f', error="{error}"' if error else "")
    return MappingProxyType({**_NO_STORE, "WWW-Authenticate": f"Bearer {parameters}"})


class DrmError(Exception):
    """Base of all errors that drm raises on purpose.

    Attributes:
        status: HTTP status that says it best.
        retryable: whether the same request may succeed later.
        reason: stable slug, for the problem type and the metrics label.
        title: what is wrong, in a few words that do not depend on the request.
        headers: response fields that go with the status.
    """

    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False
    reason: ClassVar[str] = "internal"
    title: ClassVar[str] = "Internal error."
    headers: ClassVar[Mapping[str, str]] = _NO_STORE


class TokenError(DrmError):
    """A playback token does not open what was asked for."""

    status = 401
    reason = "token"
    title = "The playback token was refused."
    headers = _challenge("invalid_token")


class TokenMissingError(TokenError):
    """There is no playback token in the request."""

    reason = "token_missing"
    title = "A playback token is needed."
    headers = _challenge()

    def __init__(self) -> None:
        super().__init__(
            "send one as `Authorization: Bearer`, as `CTA-Common-Access-Token`, or as the path "
            "prefix /~TOKEN/"
        )


class TokenAmbiguousError(TokenError):
    """The request carries more than one playback token."""

    status = 400
    reason = "token_ambiguous"
    title = "More than one playback token."
    headers = _challenge("invalid_request")

    def __init__(self) -> None:
        super().__init__("send one token, by one carrier")


class TokenMalformedError(TokenError):
    """The text is not a playback token."""

    reason = "token_malformed"
    title = "The playback token is malformed."


class TokenForeignError(TokenError):
    """The token was not signed by a key that is live here."""

    reason = "token_foreign"
    title = "The playback token was signed by none of our keys."


class TokenExpiredError(TokenError):
    """The token's time is over.

    Attributes:
        expired_s: when it ended, in seconds since the epoch.
    """

    reason = "token_expired"
    title = "The playback token has expired."

    def __init__(self, expired_s: int) -> None:
        super().__init__(f"expired at {expired_s} s since the epoch; ask for a new one")
        self.expired_s = expired_s


class TokenRevokedError(TokenError):
    """The token was issued before the revocation epoch."""

    reason = "token_revoked"
    title = "The playback token was revoked."

    def __init__(self, not_issued_before_s: int) -> None:
        super().__init__(
            f"issued before {not_issued_before_s} s since the epoch; ask for a new one"
        )
        self.not_issued_before_s = not_issued_before_s


class TokenScopeError(TokenError):
    """The token is good, but not for this."""

    status = 403
    reason = "token_scope"
    title = "The playback token does not reach this."
    headers = _challenge("insufficient_scope")


class RequestError(DrmError):
    """The request is not one that drm answers."""

    status = 400
    reason = "request"
    title = "The request cannot be answered."


class RequestTimeoutError(RequestError):
    """The content of the request does not arrive in time."""

    status = 408
    retryable = True
    reason = "request_timeout"
    title = "The request did not arrive in time."


class ClaimsError(RequestError):
    """Claims that no token may carry."""

    reason = "token_claims"
    title = "No such token can be issued."


class TrackIdError(RequestError):
    """The text is not a track id."""

    reason = "track_id"
    title = "Not a track id."

    def __init__(self) -> None:
        super().__init__("a track id is 22 letters and digits")


class TokenRequestError(RequestError):
    """The content is not a request for a playback token."""

    reason = "token_request"
    title = "Not a request for a playback token."


class SigningKeyError(RequestError):
    """The signing key cannot be made or retired as things stand."""

    status = 409
    reason = "signing_key"
    title = "The signing keys cannot be changed so."


class LicenseRequestError(RequestError):
    """The content is not a W3C Clear Key license request."""

    reason = "license_request"
    title = "Not a Clear Key license request."


class KidError(RequestError):
    """The address of a key does not end in a KID."""

    reason = "kid"
    title = "Not a KID."

    def __init__(self) -> None:
        super().__init__("a KID is a UUID in small letters with hyphens")


class LicenseRefusedError(RequestError):
    """At least one of the keys is unknown or not for this token: which one is not told."""

    status = 403
    reason = "license_refused"
    title = "The license was refused."

    def __init__(self) -> None:
        super().__init__("at least one of these keys is not for this playback token")


class VaultError(DrmError):
    """Our own store of keys failed."""

    reason = "vault"
    title = "The key vault failed."


class KekError(VaultError):
    """The key-encryption key is missing, malformed, or not the one of this vault."""

    reason = "kek"
    title = "The key-encryption key does not fit."


class VaultDamagedError(VaultError):
    """A stored key is not what was stored: the row was altered, or moved to another place."""

    reason = "vault_damaged"
    title = "A stored key is damaged."


class VaultUnavailableError(VaultError):
    """The database cannot be read or written at the moment."""

    status = 503
    retryable = True
    reason = "vault_unavailable"
    title = "The key vault is unavailable."
    headers = _RETRY_SOON


class ContentKeysError(DrmError):
    """drm could not be asked for content keys."""

    status = 502
    retryable = True
    reason = "content_keys"
    title = "Content keys could not be fetched."


class ContentKeysRefusedError(ContentKeysError):
    """drm does not give us content keys: the credential is wrong, or what was asked for.

    Attributes:
        upstream_status: what drm answered.
    """

    retryable = False
    reason = "content_keys_refused"

    def __init__(self, upstream_status: int) -> None:
        super().__init__(f"drm answered {upstream_status}: check the origin's credential for drm")
        self.upstream_status = upstream_status
