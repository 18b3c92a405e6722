"""Whether a failure is the upload's own, and how its label is told. No I/O."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from drm.errors import DrmError
from origin.errors import OriginError, SourceError, TakenDownError
from origin.intake.errors import UploadDamagedError, UploadMismatchError
from origin.intake.upload import Refusal
from origin.intake.upload_json import TEXT_LENGTH_MAX
from packager.errors import MasterError, PackagerError, WorkerDiedError, WorkerTimeoutError

Failure = OriginError | PackagerError | DrmError

# A worker may be killed by chance, or for another's hunger for memory; not five times.
ATTEMPTS_MAX: Final = 5

# Other refusals are about the file itself.
_FIELDS: Final[Mapping[str, str]] = MappingProxyType(
    {"upload_digest": "sha256", "album_full": "album"}
)
_CONTENT_FIELD: Final = "content"


def is_suspect(error: Failure) -> bool:
    """Whether it may be the upload's fault, so that the attempt counts."""
    return isinstance(error, WorkerDiedError | WorkerTimeoutError)


def is_final(error: Failure, *, attempts: int) -> bool:
    """Whether another try with the same upload would end the same.

    Args:
        error: what ended this one.
        attempts: how many there have been that ended so.
    """
    if is_suspect(error):
        return attempts >= ATTEMPTS_MAX
    if isinstance(error, UploadDamagedError | UploadMismatchError | TakenDownError):
        return True
    return isinstance(error, MasterError | SourceError) and not error.retryable


def refusal_of(error: Failure) -> Refusal:
    """What a label is told."""
    return Refusal(
        code=error.reason,
        field=_FIELDS.get(error.reason, _CONTENT_FIELD),
        detail=str(error)[:TEXT_LENGTH_MAX],
        advice=advice_of(error)[:TEXT_LENGTH_MAX],
    )


def advice_of(error: Failure) -> str:
    """What somebody should do about a failure."""
    return "Look at drm's log." if isinstance(error, DrmError) else error.advice
