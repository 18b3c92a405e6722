"""Errors of the edge, by whose fault they are.

* EdgeError
    * DownstreamError: the listener's request cannot be served
        * TargetError
        * MethodRefusedError
        * TransferCodingError
        * LoopError
        * ContentTooLargeError
        * ContentBrokenError
        * ContentStalledError
        * TooManyRefusalsError
        * RangeNotSatisfiableError
        * PurgeRequestError: not a request for a purge
        * WarmRequestError: not a request to warm the cache
        * NotStoredError: it wants nothing but what is stored
    * UpstreamError: origin or drm failed
        * UpstreamUnreachableError
            * CircuitOpenError: and it was not asked again
        * UpstreamLostError
        * UpstreamTimeoutError
            * UpstreamConnectError: not even a connection in time
        * UpstreamStalledError
        * UpstreamProtocolError
        * UpstreamTruncatedError
        * UpstreamRangeError
        * UpstreamChangedError
        * UpstreamStatusError
            * UpstreamBusyError: it says so itself, and when to come again
                * PackagingError: it is making what was asked for
                * SessionBusyError: it is not, since one session has asked for too much
    * OriginBudgetError: a client has had too much fetched; it gets exactly what it asks for
    * OverloadedError: this node has as much under way as it may
    * TokenKeysMissingError: no keys yet to check tokens with
    * SliceGoneError: a slice that cannot be fetched again on its own

Refusals of tokens are drm's (`drm.tokens.TokenError`). A programming mistake is an AssertionError.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Final

from edge.fields import Fields
from http_semantics.byte_range import unsatisfied_range

ALLOWED_METHODS: Final = "GET, HEAD, POST, PUT, DELETE, OPTIONS"

_NO_STORE: Final[Mapping[str, str]] = MappingProxyType({"Cache-Control": "no-store"})
_RETRY_SOON: Final[Mapping[str, str]] = MappingProxyType({**_NO_STORE, "Retry-After": "1"})


class EdgeError(Exception):
    """Base of all errors that the edge raises on purpose.

    Attributes:
        status: HTTP status for the listener if nothing better is known.
        retryable: whether the same request may succeed when it is sent again.
        reason: value of the metrics label and slug of the problem; stable.
        title: what is wrong, alike for every occurrence.
        headers: response fields that go with it.
    """

    status: int = 500
    retryable: ClassVar[bool] = False
    reason: ClassVar[str] = "internal"
    title: ClassVar[str] = "Something is wrong on our side."
    headers: Mapping[str, str] = _NO_STORE


class DownstreamError(EdgeError):
    """The listener's request cannot be served as it stands."""

    status = 400
    reason = "bad_request"
    title = "The request cannot be served as it stands."


class TargetError(DownstreamError):
    """The request target is none that this server reads in one way only."""

    reason = "target"
    title = "The request target is refused."


class MethodRefusedError(DownstreamError):
    """The method is not for a reverse proxy."""

    status = 405
    reason = "method"
    title = "The method is not allowed."
    headers: Mapping[str, str] = MappingProxyType({**_NO_STORE, "Allow": ALLOWED_METHODS})


class TransferCodingError(DownstreamError):
    """The content of the request comes in a transfer coding that is not understood here."""

    status = 501
    reason = "transfer_coding"
    title = "The transfer coding is not supported."


class LoopError(DownstreamError):
    """The request has been here before: the upstream leads back to this node."""

    status = 508
    reason = "loop"
    title = "The request goes round in a circle."


class ContentTooLargeError(DownstreamError):
    """The request's content is above the limit."""

    status = 413
    reason = "content_too_large"
    title = "The content is too large."

    def __init__(self, bytes_max: int) -> None:
        super().__init__(f"at most {bytes_max} bytes are taken")
        self.bytes_max = bytes_max


class ContentBrokenError(DownstreamError):
    """The request's content ends in bytes that are none of it."""

    reason = "content_broken"
    title = "The content of the request cannot be read to its end."


class ContentStalledError(DownstreamError):
    """The listener sent nothing more of the request's content for too long."""

    status = 408
    retryable = True
    reason = "content_stalled"
    title = "The content of the request did not arrive in time."

    def __init__(self, stall_s: float) -> None:
        super().__init__(f"nothing arrived for {stall_s} s")
        self.stall_s = stall_s


class TooManyRefusalsError(DownstreamError):
    """This client sent too many tokens that were refused."""

    status = 429
    retryable = True
    reason = "too_many_refusals"
    title = "Too many refused tokens from this address."

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"wait {retry_after_s} s before the next one")
        self.retry_after_s = retry_after_s
        self.headers = MappingProxyType({**_NO_STORE, "Retry-After": str(retry_after_s)})


class RangeNotSatisfiableError(DownstreamError):
    """No range of the request lies within the representation."""

    status = 416
    reason = "range_not_satisfiable"
    title = "The range lies outside of the representation."

    def __init__(self, complete_length: int) -> None:
        super().__init__(f"the representation has {complete_length} bytes")
        self.complete_length = complete_length
        content_range = unsatisfied_range(complete_length)
        self.headers = MappingProxyType({**_NO_STORE, "Content-Range": content_range})


class PurgeRequestError(DownstreamError):
    """An operator's call to purge that is none."""

    reason = "purge_request"
    title = "Not a request for a purge."


class WarmRequestError(DownstreamError):
    """An operator's call to warm the cache that is none."""

    reason = "warm_request"
    title = "Not a request to warm the cache."


class NotStoredError(DownstreamError):
    """The request is to be answered from the cache alone: RFC 9111 section 5.2.1.7."""

    status = 504
    reason = "only_if_cached"
    title = "Nothing that is stored answers the request."


class UpstreamError(EdgeError):
    """Origin or drm failed to answer as it should."""

    status = 502
    retryable = True
    reason = "upstream"
    title = "The origin did not answer as it should."


class UpstreamUnreachableError(UpstreamError):
    """No connection to the upstream."""

    reason = "upstream_unreachable"
    title = "The origin cannot be reached."
    headers: Mapping[str, str] = _RETRY_SOON


class CircuitOpenError(UpstreamUnreachableError):
    """The upstream has failed to answer so often that it is left alone for a while."""

    status = 503
    reason = "circuit_open"


class UpstreamLostError(UpstreamError):
    """The connection ended before an answer began."""

    reason = "upstream_lost"
    title = "The origin closed the connection instead of answering."
    headers: Mapping[str, str] = _RETRY_SOON


class UpstreamTimeoutError(UpstreamError):
    """The upstream did not begin its answer in time."""

    status = 504
    reason = "upstream_timeout"
    title = "The origin did not answer in time."


class UpstreamConnectError(UpstreamTimeoutError):
    """The upstream did not even take the connection in time."""


class UpstreamStalledError(UpstreamError):
    """The upstream began its answer and then sent nothing for too long."""

    status = 504
    reason = "upstream_stalled"
    title = "The origin stopped in the middle of its answer."


class UpstreamProtocolError(UpstreamError):
    """The upstream's answer is not HTTP, or one that makes no sense."""

    reason = "upstream_protocol"


class UpstreamTruncatedError(UpstreamError):
    """The upstream closed before the end of the content."""

    reason = "upstream_truncated"

    def __init__(self, received: int, expected: int) -> None:
        super().__init__(f"received {received} of {expected} bytes")
        self.received = received
        self.expected = expected


class UpstreamRangeError(UpstreamError):
    """The upstream answered with another part than the one that was asked for."""

    reason = "upstream_range"


class UpstreamChangedError(UpstreamError):
    """The upstream has another version by now: its parts do not go with those stored."""

    reason = "upstream_changed"


class OriginBudgetError(EdgeError):
    """A client has had much more fetched than it was sent; its request goes past the cache."""

    status = 503
    reason = "origin_budget"


class OverloadedError(EdgeError):
    """As many fills are under way as this node allows."""

    status = 503
    retryable = True
    reason = "overloaded"
    title = "This node has too much under way."
    headers: Mapping[str, str] = _RETRY_SOON


class TokenKeysMissingError(EdgeError):
    """There are no keys yet to check tokens with: drm has not been reached since the start."""

    status = 503
    retryable = True
    reason = "token_keys_missing"
    title = "Tokens cannot be checked yet."
    headers: Mapping[str, str] = _RETRY_SOON


class SliceGoneError(EdgeError):
    """A part is gone and cannot be fetched alone.

    The representation has no strong validator, or was purged, which says that it means nothing.
    """

    status = 502
    retryable = True
    reason = "slice_gone"
    title = "A part of the representation is no longer here."


class UpstreamStatusError(UpstreamError):
    """The upstream refused a part of what it has served before.

    Attributes:
        upstream_status: what it answered.
    """

    reason = "upstream_status"

    def __init__(self, upstream_status: int, *, retry_after: str | None) -> None:
        super().__init__(f"the origin answered {upstream_status}")
        self.upstream_status = upstream_status
        if upstream_status in {429, 503}:
            self.status = 503
            self.headers = MappingProxyType({**_NO_STORE, "Retry-After": retry_after or "1"})


class UpstreamBusyError(UpstreamStatusError):
    """The upstream cannot give the part now; what it says goes to whoever waits for it.

    Attributes:
        fields: of its answer, for the listener.
        content: of its answer.
    """

    reason = "upstream_busy"

    def __init__(self, fields: Fields, content: bytes) -> None:
        super().__init__(503, retry_after=fields.get("Retry-After"))
        self.fields = fields
        self.content = content


class PackagingError(UpstreamBusyError):
    """The upstream is making what was asked for: that is no failure."""

    reason = "packaging"


class SessionBusyError(UpstreamBusyError):
    """The upstream does no more for one session at a time; others may ask.

    Attributes:
        session: what stands for it upstream.
    """

    reason = "session_busy"

    def __init__(self, fields: Fields, content: bytes, *, session: str | None) -> None:
        super().__init__(fields, content)
        self.session = session
