"""Errors of the ingest API, by whose fault they are.

* OriginError
    * IntakeRequestError: the request cannot be served as it stands
        * LabelRefusedError: no bearer token of a label, nor the operator's credential
        * TusVersionError
        * UploadFieldError: a field of the request is malformed, missing or out of bounds
        * UploadTypeError: the content is not what appends to an upload
        * UploadTooLargeError
        * UploadMissingError
        * UploadGoneError
        * OffsetConflictError: the content does not begin where the upload ends
        * UploadLockedError: another request is appending to the upload
        * UploadClosedError: the upload is past what the request wants of it
        * ChecksumMismatchError
        * IdempotencyConflictError: the key was used for another request
        * QuotaExceededError
        * SlowContentError: the content came too slowly, or not at all
    * IntakeBusyError: this origin has as many requests of this kind as it takes at a time
    * IntakePausedError: there is no room to process what was uploaded
    * UploadRoomError: there is no room to process an upload of this length
    * UploadDamagedError: what is stored of an upload is not what was sent
    * UploadMismatchError: the file does not have the digest that its sender named
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from origin.errors import NO_STORE, OriginError, RequestError

TUS_VERSION: Final = "1.0.0"

_NOTHING: Final[Mapping[str, object]] = MappingProxyType({})


class IntakeRequestError(RequestError):
    """The request cannot be served as it stands.

    Attributes:
        members: of the problem document, beside those that every one has.
    """

    members: Mapping[str, object] = _NOTHING


class LabelRefusedError(IntakeRequestError):
    """The call carries no token of a label, nor the operator's credential."""

    status = 401
    reason = "credential_missing"
    title = "This call needs a label's token"
    advice = "Send the label's token as `Authorization: Bearer`."
    headers: Mapping[str, str] = MappingProxyType(
        {**NO_STORE, "WWW-Authenticate": 'Bearer realm="ingest"'}
    )

    def __init__(self) -> None:
        super().__init__("the call carries no credential that opens the ingest API")


class TusVersionError(IntakeRequestError):
    """The request does not speak the version of tus that is spoken here."""

    status = 412
    reason = "tus_version"
    title = "Another version of the tus protocol is spoken here"
    advice = f"Send `Tus-Resumable: {TUS_VERSION}`."
    headers: Mapping[str, str] = MappingProxyType({**NO_STORE, "Tus-Version": TUS_VERSION})

    def __init__(self) -> None:
        super().__init__(f"`Tus-Resumable` is not {TUS_VERSION}")


class UploadFieldError(IntakeRequestError):
    """A field of the request is malformed, missing or out of bounds.

    Attributes:
        field: which one; a field of `Upload-Metadata` by its own name.
    """

    reason = "upload_field"
    title = "A field of the request cannot be used"
    advice = "Correct the field, then send the request again."

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"`{field}`: {problem}")
        self.field = field
        self.members = {"field": field}


class UploadTypeError(IntakeRequestError):
    """The content is not what appends to an upload."""

    status = 415
    reason = "upload_type"
    title = "The content has another type than what appends to an upload"
    advice = "Send `Content-Type: application/offset+octet-stream`."


class UploadTooLargeError(IntakeRequestError):
    """The upload, or the content of a request, is longer than it may be."""

    status = 413
    reason = "upload_too_large"
    title = "The upload is too large"
    advice = "Cut the recording, or have the limit of the label raised."

    def __init__(self, size_bytes: int, *, size_max: int) -> None:
        super().__init__(f"{size_bytes} bytes are more than the {size_max} that may be sent")


class UploadMissingError(IntakeRequestError):
    """The label has no upload of this name."""

    status = 404
    reason = "upload_missing"
    title = "There is no such upload"
    advice = "Create a new upload."

    def __init__(self) -> None:
        super().__init__("no upload of this label has this id")


class UploadGoneError(IntakeRequestError):
    """The upload has expired, or was terminated."""

    status = 410
    reason = "upload_gone"
    title = "The upload is gone"
    advice = "Create a new upload."

    def __init__(self) -> None:
        super().__init__("the upload has expired or was terminated")


class OffsetConflictError(IntakeRequestError):
    """The content does not begin where the upload ends."""

    status = 409
    reason = "upload_offset"
    title = "The content does not begin where the upload ends"
    advice = "Ask for the offset with HEAD, then go on from there."

    def __init__(self, presented: int, *, offset: int) -> None:
        super().__init__(f"the content begins at {presented}, the upload ends at {offset}")
        self.members = {"offset": offset}
        self.headers = {**NO_STORE, "Upload-Offset": str(offset)}


class UploadLockedError(IntakeRequestError):
    """Another request is appending to the upload."""

    status = 423
    retryable = True
    reason = "upload_locked"
    title = "Another request is appending to the upload"
    advice = "Wait until it has ended, ask for the offset with HEAD, then go on from there."
    headers: Mapping[str, str] = MappingProxyType({**NO_STORE, "Retry-After": "1"})

    def __init__(self) -> None:
        super().__init__("the upload is being written to")


class UploadClosedError(IntakeRequestError):
    """The upload is past what the request wants of it."""

    status = 409
    reason = "upload_closed"
    title = "The upload is past that"
    advice = "Look at its state."

    def __init__(self, state: str) -> None:
        super().__init__(f"the upload is {state}")
        self.members = {"state": state}


class ChecksumMismatchError(IntakeRequestError):
    """The content does not have the checksum that came with it; none of it was kept."""

    status = 460  # tus 1.0, extension Checksum.
    reason = "checksum_mismatch"
    title = "The content does not have its checksum"
    advice = "Send the same bytes again."

    def __init__(self) -> None:
        super().__init__("the content was changed on its way, or its checksum is wrong")


class IdempotencyConflictError(IntakeRequestError):
    """The idempotency key was used for another request."""

    status = 422
    reason = "idempotency_key"
    title = "The idempotency key was used for another request"
    advice = "Use a new key for a new upload."

    def __init__(self) -> None:
        super().__init__("`Idempotency-Key` names an upload of another length or other metadata")


class QuotaExceededError(IntakeRequestError):
    """The label has what it may have.

    Args:
        problem: what there is too much of.
        wait_s: when another try may go well.
        is_of_open_uploads: whether it is uploads that are open, rather than bytes.
    """

    status = 429
    retryable = True
    reason = "quota"
    title = "The label's quota is used up"

    def __init__(
        self, problem: str, *, advice: str, wait_s: int, is_of_open_uploads: bool = False
    ) -> None:
        super().__init__(problem)
        self.advice = advice
        self.is_of_open_uploads = is_of_open_uploads
        self.headers = {**NO_STORE, "Retry-After": str(wait_s)}


class SlowContentError(IntakeRequestError):
    """The content came too slowly, or not at all. What came is kept."""

    status = 408
    retryable = True
    reason = "slow_content"
    title = "The content came too slowly"
    advice = "Ask for the offset with HEAD, then go on from there."
    headers: Mapping[str, str] = MappingProxyType({**NO_STORE, "Connection": "close"})


class IntakeBusyError(OriginError):
    """This origin has as many requests of this kind as it takes at a time."""

    status = 503
    retryable = True
    reason = "intake_busy"
    title = "As many uploads are under way as are taken at a time"
    advice = "Try again in a moment."
    headers: Mapping[str, str] = MappingProxyType({**NO_STORE, "Retry-After": "5"})


class IntakePausedError(OriginError):
    """There is no room to process what was uploaded, so that no more is taken.

    Args:
        problem: what is in the way.
        advice: what the operator should do.
    """

    status = 507
    retryable = True
    reason = "intake_paused"
    title = "No new upload is taken at the moment"
    headers: Mapping[str, str] = MappingProxyType({**NO_STORE, "Retry-After": "60"})

    def __init__(self, problem: str, *, advice: str) -> None:
        super().__init__(problem)
        self.advice = advice


class UploadRoomError(OriginError):
    """There is no room to process an upload of this length; shorter ones may fit.

    Attributes:
        length: of the upload.
    """

    status = 507
    retryable = True
    reason = "upload_room"
    title = "There is no room to process an upload of this length"
    advice = "Make room in the scratch folder of the origin, or lower ingest.master_bytes_max."

    def __init__(self, length: int, *, free: int, needed: int) -> None:
        super().__init__(f"{free} bytes are free, {needed} may be needed")
        self.length = length


class UploadDamagedError(OriginError):
    """What is stored of an upload is not what was sent."""

    status = 422
    reason = "upload_damaged"
    title = "The store has lost a part of the upload"
    advice = "Upload the file again. Check the store's disk."


class UploadMismatchError(OriginError):
    """The file does not have the digest that its sender named."""

    status = 422
    reason = "upload_digest"
    title = "The file does not have the digest that was named for it"
    advice = "Compare the digest with that of the file at hand, then upload it again."

    def __init__(self, found: str) -> None:
        super().__init__(f"the file that arrived has the SHA-256 {found}")
