"""Errors of the player, by whose fault they are.

* PlayerError
    * CallerError: what was asked for cannot be had like this
        * EdgeAddressError: the edge's URL is none
        * TokenRefusedError: 401 or 403
        * NotFoundError: no such track, or gone
        * RenditionMissingError: the track has no such rendition
        * OutputError: the WAV file cannot be written
    * EdgeError: the edge, or what is behind it, failed
        * EdgeUnreachableError, EdgeTimeoutError, TruncatedBodyError: on the way
        * UnexpectedStatusError: an answer that is no success and none of the above
        * StillPackagingError: 503 until patience ran out
        * MalformedAnswerError: no JSON, too large, or contradicting itself
        * WrongRangeError: other bytes than those asked for
        * ForeignAddressError: a URL that leads away from the edge
    * ContentError: all bytes arrived, and they are not the music
        * LicenseIncompleteError: the key asked for is not in the licence
        * DigestMismatchError: the file is not the one on record
        * UndecodableError: the file is right, but it cannot be decrypted or decoded
        * WrongLengthError: it decodes to another number of samples
"""

from typing import ClassVar


class PlayerError(Exception):
    """Base of all errors that the player raises on purpose.

    Attributes:
        reason: stable label.
        retryable: whether the same request may succeed at once.
        advice: what whoever sees the message can do, a sentence.
    """

    reason: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False
    advice: ClassVar[str] = ""


class CallerError(PlayerError):
    """What was asked for cannot be had like this."""

    reason = "request"


class EdgeAddressError(CallerError):
    """The edge's URL is none."""

    reason = "edge_address"
    advice = "Give the edge as http://HOST:PORT."


class TokenRefusedError(CallerError):
    """The edge or drm refused the playback token."""

    reason = "token_refused"
    advice = "Make a fresh token for this track with `attacca token --track TRACK`."

    def __init__(self, status: int, told: str) -> None:
        super().__init__(f"the playback token was refused ({status}): {told}")
        self.status = status


class NotFoundError(CallerError):
    """There is no such track, or it was removed."""

    reason = "not_found"
    advice = "Check the track id: `attacca ingest` prints it, and /v1/library lists all."

    def __init__(self, status: int, told: str) -> None:
        super().__init__(f"not there ({status}): {told}")
        self.status = status


class RenditionMissingError(CallerError):
    """The track has no rendition of this name."""

    reason = "rendition_missing"
    advice = "Choose one that the track has with `--rendition`."

    def __init__(self, rendition: str, available: tuple[str, ...]) -> None:
        super().__init__(f"no rendition {rendition!r}; there are {', '.join(available) or 'none'}")
        self.available = available


class OutputError(CallerError):
    """The WAV file cannot be written."""

    reason = "output"
    advice = "Check that the folder exists, may be written and has room."


class EdgeError(PlayerError):
    """The edge, or what is behind it, failed."""

    reason = "edge"


class EdgeUnreachableError(EdgeError):
    """No connection, or it broke before an answer."""

    reason = "edge_unreachable"
    retryable = True
    advice = "Check that the edge runs and that its URL is right."


class EdgeTimeoutError(EdgeError):
    """No answer in time."""

    reason = "edge_timeout"
    retryable = True
    advice = "Try again; if it stays so, look at the edge's log and at its origin."


class TruncatedBodyError(EdgeError):
    """The connection ended within an answer."""

    reason = "truncated"
    retryable = True
    advice = "Try again; if it stays so, something between here and the edge cuts answers short."


class UnexpectedStatusError(EdgeError):
    """An answer that is neither a success nor a refusal with a meaning of its own."""

    reason = "unexpected_status"
    advice = "Look at the edge's log; the origin may be down."

    def __init__(self, status: int, told: str) -> None:
        super().__init__(f"the edge answered {status}: {told}")
        self.status = status


class StillPackagingError(EdgeError):
    """The rendition was not ready before patience ran out."""

    reason = "packaging"
    advice = "It is being packaged: try again later, or run `attacca package TRACK` first."

    def __init__(self, waited_s: float, told: str) -> None:
        super().__init__(f"not ready after {waited_s:.0f} s: {told}")
        self.waited_s = waited_s


class MalformedAnswerError(EdgeError):
    """An answer that cannot be read, is too large, or contradicts another one."""

    reason = "malformed_answer"
    advice = "Check that the URL is that of an Attacca edge; if it is, its origin has a fault."


class WrongRangeError(EdgeError):
    """Other bytes than those that were asked for."""

    reason = "wrong_range"
    advice = "A cache on the way mixes up ranges: ask the edge directly."


class ForeignAddressError(EdgeError):
    """A URL in an answer leads away from the edge; the token must not follow it."""

    reason = "foreign_address"
    advice = "Check that the URL is that of an Attacca edge."


class ContentError(PlayerError):
    """All bytes arrived, and they are not the music."""

    reason = "content"


class LicenseIncompleteError(ContentError):
    """The key that was asked for is not in the licence."""

    reason = "license_incomplete"
    advice = "Check that drm and origin share their keys: this track was packaged with others."


class DigestMismatchError(ContentError):
    """The file that arrived is not the one on record."""

    reason = "digest_mismatch"
    advice = "Purge the track at the edge; if it stays so, the origin's file is damaged."


class UndecodableError(ContentError):
    """The file is the one on record, but it cannot be decrypted or decoded."""

    reason = "undecodable"
    advice = "The key of the licence is not that of the file: do drm and origin share their keys?"


class WrongLengthError(ContentError):
    """The file decodes to another number of samples than its record says."""

    reason = "wrong_length"
    advice = "Package the track again: this rendition breaks gapless playback."

    def __init__(self, decoded: int, expected: int) -> None:
        super().__init__(f"{decoded} samples were decoded where {expected} are on record")
        self.decoded = decoded
        self.expected = expected
