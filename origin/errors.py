"""Errors of the origin, by whose fault they are.

* OriginError
    * RequestError: the caller's request cannot be served as it stands
        * AccessRefusedError: no edge credential and no operator credential
        * NotFoundError
        * PreconditionFailedError
        * QueryError: a parameter of the query is none
        * RangeNotSatisfiableError
        * TakenDownError: the track is withheld
    * SourceError: the file handed in for ingest cannot be taken
        * SourceUnreadableError
        * SourceTooLargeError
        * SourceChangedError
        * AlbumFullError
    * PackagingPendingError: a rendition is being packaged
    * SessionBusyError: it is not begun, since its session waits for too many
    * ClaimLostError: another process has taken over the work that this one had claimed
    * EdgeUnreachableError: an edge was told to purge and did not confirm
    * RebuildError: a recorded version cannot be produced again (`origin.rebuild_errors`)
    * StoreError: the object store failed
        * ObjectKeyError
        * ObjectMissingError
        * ObjectConflictError: a condition on a put was not met
        * ObjectDamagedError
        * ObjectTooLargeError
        * StoreFullError
        * StoreReadOnlyError
        * StoreIoError
        * StoreUnreachableError
        * StoreBusyError
        * StoreCredentialsError
        * StoreBucketError
        * StoreUnsafeError: it does not keep the conditions of a put
        * RecordError: a record in the store cannot be read

What the packager finds wrong with a master (`packager.errors.MasterError`) passes through as it
is. A programming mistake is an AssertionError.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

NO_STORE: Final[Mapping[str, str]] = {"Cache-Control": "no-store"}


def _no_store_and(fields: Mapping[str, str]) -> Mapping[str, str]:
    return {**NO_STORE, **fields}


# From here on the work is done within a moment.
_NEARLY_DONE: Final = 0.8


class OriginError(Exception):
    """Base of all errors that the origin raises on purpose.

    Attributes:
        status: HTTP status of the answer.
        retryable: whether the same call may succeed later without anybody doing anything.
        reason: stable label, for metrics and for the problem type.
        title: one line for people, the same for all errors of the class.
        advice: what the one who can act on it should do.
        headers: fields that the answer carries beside its content.
    """

    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False
    reason: ClassVar[str] = "internal"
    title: ClassVar[str] = "The origin failed"
    advice: str = "Look at the origin's log."
    headers: Mapping[str, str] = NO_STORE


class RequestError(OriginError):
    """The caller's request cannot be served as it stands."""

    status = 400
    reason = "bad_request"
    title = "The request cannot be served"
    advice = "Change the request."


class AccessRefusedError(RequestError):
    """The call carries neither the edge credential nor the operator credential."""

    status = 401
    reason = "credential_missing"
    title = "This listener answers edges only"
    advice = "Ask through the edge, or send the operator credential as a bearer token."
    headers = _no_store_and({"WWW-Authenticate": 'Bearer realm="origin"'})

    def __init__(self) -> None:
        super().__init__("the call carries no credential that this origin accepts")


class NotFoundError(RequestError):
    """Nothing has this name."""

    status = 404
    reason = "not_found"
    title = "There is no such thing"
    advice = "Check the id; /v1/library lists what there is."
    # A moment only: a track may be ingested right after somebody asked for it.
    headers = _no_store_and({"Cache-Control": "public, max-age=1"})


class QueryError(RequestError):
    """A parameter of the query has a value that says nothing."""

    reason = "query"
    title = "A parameter of the query is wrong"
    advice = "Correct the parameter that the detail names."

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"`{name}`: {problem}")


class PreconditionFailedError(RequestError):
    """`If-Match` or `If-Unmodified-Since` does not hold (RFC 9110 section 13.1)."""

    status = 412
    reason = "precondition"
    title = "The representation is another one than the request wants"
    advice = "Fetch the track's record again and use its current version."


class RangeNotSatisfiableError(RequestError):
    """No range of the request lies within the representation (RFC 9110 section 15.5.17)."""

    status = 416
    reason = "range"
    title = "No requested range lies within the representation"
    advice = "Ask for bytes below the complete length that Content-Range names."

    def __init__(self, complete_length: int) -> None:
        super().__init__(f"no requested range within {complete_length} bytes")
        self.headers = {**NO_STORE, "Content-Range": f"bytes */{complete_length}"}


class TakenDownError(RequestError):
    """The track is withheld from everybody (RFC 7725)."""

    status = 451
    reason = "taken_down"
    title = "The track was taken down"
    advice = "Leave it out."

    def __init__(self, track_id: str, why: str) -> None:
        super().__init__(f"track {track_id} was taken down: {why}")


class SourceError(OriginError):
    """The file handed in for ingest cannot be taken."""

    status = 422
    reason = "source"
    title = "The file cannot be taken in"


class SourceUnreadableError(SourceError):
    """The file is not there, is no regular file, or may not be read."""

    reason = "source_unreadable"
    title = "The file cannot be read"
    advice = "Give the path of a regular file that this process may read."


class SourceTooLargeError(SourceError):
    """The file is above the limit for one master."""

    status = 413
    reason = "source_too_large"
    title = "The file is above the limit for one master"
    advice = "Cut the recording, or raise ingest.master_bytes_max."


class SourceChangedError(SourceError):
    """The file was written to while it was read."""

    retryable = True
    reason = "source_changed"
    title = "The file changed while it was read"
    advice = "Wait until the file is complete, then ingest it again."


class AlbumFullError(SourceError):
    """The album of the master has as many tracks as one may have."""

    reason = "album_full"
    title = "The album is full"
    advice = "Ingest it under another album: attacca ingest FILE --album TITLE"


class PackagingPendingError(OriginError):
    """Renditions that are asked for are being packaged; ask again.

    Attributes:
        progress: of the work, from 0 to 1.
    """

    status = 503
    retryable = True
    reason = "packaging"
    title = "The rendition is being packaged"
    advice = "Ask again after the time that Retry-After names."

    def __init__(self, track_id: str, renditions: Sequence[str], *, progress: float) -> None:
        super().__init__(f"{', '.join(renditions)} of track {track_id} are not packaged yet")
        self.progress = progress
        self.members: Mapping[str, object] = {
            "track_id": track_id,
            "renditions": list(renditions),
            "progress": round(progress, 3),
        }
        # What is nearly done takes a moment; what has not begun waits for a worker.
        retry_after_s = 5 if progress < _NEARLY_DONE else 1
        self.headers = {**NO_STORE, "Retry-After": str(retry_after_s)}


class SessionBusyError(OriginError):
    """One session waits for as many renditions as it may; an edge tells that to it alone."""

    status = 503
    retryable = True
    reason = "session_busy"
    title = "The session waits for too many renditions"
    advice = "Ask again when some of the other renditions are there."
    headers = _no_store_and({"Retry-After": "5"})


class ClaimLostError(OriginError):
    """Another process has taken over a claim: this one was silent for longer than the lease."""

    status = 503
    retryable = True
    reason = "claim_lost"
    title = "Another process has taken over this work"
    advice = "Try again. If it happens often, look at how fast the store answers."
    headers = _no_store_and({"Retry-After": "5"})

    def __init__(self, name: str) -> None:
        super().__init__(f"the claim {name} belongs to another process now")
        self.name = name


class EdgeUnreachableError(OriginError):
    """An edge did not confirm that it has purged; it will be told again."""

    status = 502
    retryable = True
    reason = "edge_unreachable"
    title = "An edge does not answer."
    advice = "Look at the edge and at its address in `edges`; it is told again until it answers."


class StoreError(OriginError):
    """The object store failed."""

    status = 503
    retryable = True
    reason = "store"
    title = "The object store failed"
    advice = "Check the store, then try again."
    headers = _no_store_and({"Retry-After": "5"})


class ObjectKeyError(StoreError):
    """A key that no store may be asked for."""

    status = 400
    retryable = False
    reason = "object_key"
    title = "That is no object key"
    headers = NO_STORE


class ObjectMissingError(StoreError):
    """There is no object under the key."""

    status = 404
    retryable = False
    reason = "object_missing"
    title = "The object is not in the store"
    headers = NO_STORE

    def __init__(self, key: str) -> None:
        super().__init__(f"the store has no object {key}")
        self.key = key


class ObjectConflictError(StoreError):
    """The condition of a put was not met: somebody else was there first."""

    status = 409
    reason = "object_conflict"
    title = "The object was changed by somebody else"
    headers = NO_STORE

    def __init__(self, key: str) -> None:
        super().__init__(f"object {key} is not in the state that the put demands")
        self.key = key


class ObjectDamagedError(StoreError):
    """The bytes of an object are not those that were put."""

    status = 500
    retryable = False
    reason = "object_damaged"
    title = "An object in the store is damaged"
    headers = NO_STORE

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"object {key} is damaged: {problem}")
        self.key = key
        self.advice = (
            "Check the disk. Restore the object from a copy; a rendition can be made again with: "
            "attacca package TRACK --rendition NAME"
        )


class ObjectTooLargeError(StoreError):
    """An object is above the size that its reader expects."""

    status = 500
    retryable = False
    reason = "object_too_large"
    title = "An object is larger than it can be"
    headers = NO_STORE

    def __init__(self, key: str, *, size_bytes: int, size_max: int) -> None:
        super().__init__(f"object {key} has {size_bytes} bytes, above the limit of {size_max}")


class StoreFullError(StoreError):
    """There is no room for the object."""

    status = 507
    reason = "store_full"
    title = "The object store is full"
    advice = "Make room on the store's file system or raise its quota, then try again."
    headers = NO_STORE


class StoreReadOnlyError(StoreError):
    """The store may be read at best."""

    reason = "store_read_only"
    title = "The object store cannot be written"
    advice = "Make store.folder a folder that this process may write, or choose another one."


class StoreIoError(StoreError):
    """The storage under the store reports a failure."""

    reason = "store_io"
    title = "The storage under the object store fails"
    advice = "Check the disk and the kernel's log; what is stored is verified when it is read."


class StoreUnreachableError(StoreError):
    """The store does not answer, or not in time."""

    reason = "store_unreachable"
    title = "The object store cannot be reached"
    advice = (
        "Check store.s3.endpoint_url, the network between here and there, and the store's health."
    )


class StoreBusyError(StoreError):
    """All connections to the store are in use, and stay so."""

    reason = "store_busy"
    title = "All connections to the object store are in use"
    advice = "Raise store.s3.connections_max, or look why the store answers slowly."


class StoreCredentialsError(StoreError):
    """The store does not take our credentials, or there are none."""

    retryable = False
    reason = "store_credentials"
    title = "The object store refuses the credentials"
    advice = (
        "Check the access key and its secret, what its policy allows for the bucket, and this "
        "machine's clock."
    )


class StoreBucketError(StoreError):
    """There is no such bucket, or it is elsewhere."""

    retryable = False
    reason = "store_bucket"
    title = "The bucket is not in the object store"
    advice = "Create it, or correct store.s3.bucket, region or endpoint_url."


class StoreUnsafeError(StoreError):
    """The store replaces what it was told to spare."""

    retryable = False
    reason = "store_unsafe"
    title = "The object store does not keep conditions"
    advice = (
        "Use a store that answers 412 to If-None-Match and If-Match on a put. With one origin, "
        "and no ingest beside it, store.s3.requires_conditional_put = false does without."
    )


class RecordError(StoreError):
    """A record in the store cannot be read."""

    status = 500
    retryable = False
    reason = "record"
    title = "A record in the store cannot be read"
    advice = "Restore the record from a copy, or use the release that wrote it."
    headers = NO_STORE
