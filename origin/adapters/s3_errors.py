"""What an S3 store, its client or the network says, as errors of the port."""

import contextlib
import re
from collections.abc import Iterator
from typing import Final

import aiohttp
from botocore import exceptions as botocore_errors

from origin.errors import (
    ObjectConflictError,
    ObjectDamagedError,
    ObjectMissingError,
    StoreBucketError,
    StoreCredentialsError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
    StoreUnreachableError,
)

# A range that was there when the head was taken is gone only with the object.
_CONFLICT: Final = {
    "ConditionalRequestConflict",
    "InvalidRange",
    "OperationAborted",
    "PreconditionFailed",
}
_FULL: Final = {"QuotaExceeded", "XMinioStorageFull", "InsufficientStorage", "EntityTooLarge"}
_DAMAGED: Final = {"BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"}
_ELSEWHERE: Final = {
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "InvalidBucketName",
    "NoSuchBucket",
    "PermanentRedirect",
    "TemporaryRedirect",
}
_CREDENTIALS: Final = {
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
}
_FORBIDDEN: Final = {"AccessDenied", "AllAccessDisabled", "MethodNotAllowed"}

# Where only the status is known: an answer to HEAD has no content that could name a code.
_CODE_BY_STATUS: Final = {
    301: "PermanentRedirect",
    307: "TemporaryRedirect",
    401: "SignatureDoesNotMatch",
    403: "SignatureDoesNotMatch",
    404: "NoSuchKey",
    405: "MethodNotAllowed",
    409: "ConditionalRequestConflict",
    412: "PreconditionFailed",
    416: "InvalidRange",
    507: "InsufficientStorage",
}

_CODE: Final = re.compile(r"<Code>([A-Za-z0-9._]{1,64})</Code>", re.ASCII)

# A code is short and near the beginning.
ERROR_BYTES_MAX: Final = 16 * 1024

_NO_CREDENTIALS: Final = (
    botocore_errors.NoCredentialsError,
    botocore_errors.PartialCredentialsError,
    botocore_errors.CredentialRetrievalError,
    botocore_errors.MetadataRetrievalError,
    botocore_errors.ProfileNotFound,
    botocore_errors.UnauthorizedSSOTokenError,
    botocore_errors.TokenRetrievalError,
)

_NO_ANSWER: Final = (
    botocore_errors.ConnectionError,
    botocore_errors.HTTPClientError,
    aiohttp.ClientError,
    OSError,
)


def code_in(content: bytes) -> str:
    """The code that an error document names; empty if it names none."""
    match = _CODE.search(content.decode("utf-8", errors="replace"))
    return "" if match is None else match[1]


def error_of(status: int, code: str, key: str, *, is_write: bool = False) -> StoreError:
    """What an answer of the store means.

    Args:
        status: of the answer.
        code: as its content names it; empty if there was none.
        key: what was asked for.
        is_write: whether the store was to be changed.
    """
    code = "" if code.isdigit() else code  # botocore repeats the status where there is none.
    text = f"object {key}: the store answers {status} {code}".rstrip()
    code = code or _CODE_BY_STATUS.get(status, "")
    if code in {"NoSuchKey", "NoSuchVersion"}:
        return ObjectMissingError(key)
    if code in _CONFLICT:
        return ObjectConflictError(key)
    if code in _DAMAGED:
        return ObjectDamagedError(key, "it changed on its way to the store")
    told = _class_of(code, is_write=is_write)(text)
    if isinstance(told, StoreReadOnlyError):
        told.advice = "Let the policy of the access key write to the bucket."
    return told


def _class_of(code: str, *, is_write: bool) -> type[StoreError]:
    if code in _FORBIDDEN:
        return StoreReadOnlyError if is_write else StoreCredentialsError
    if code in _CREDENTIALS:
        return StoreCredentialsError
    if code in _ELSEWHERE:
        return StoreBucketError
    return StoreFullError if code in _FULL else StoreError


def client_error_of(
    error: botocore_errors.ClientError, key: str, *, is_write: bool = False
) -> StoreError:
    """What an answer of the store means that came by way of botocore."""
    status = int(error.response["ResponseMetadata"]["HTTPStatusCode"])
    code = str(error.response["Error"].get("Code", ""))
    return error_of(status, code, key, is_write=is_write)


@contextlib.contextmanager
def translated(key: str, *, is_write: bool = False) -> Iterator[None]:
    """Turn what the clients raise about the object `key` into errors of the port."""
    try:
        yield
    except botocore_errors.ClientError as error:
        raise client_error_of(error, key, is_write=is_write) from error
    except _NO_CREDENTIALS as error:
        raise StoreCredentialsError(f"object {key}: no credentials: {_said(error)}") from error
    except _NO_ANSWER as error:
        raise StoreUnreachableError(f"object {key}: {_said(error)}") from error
    except botocore_errors.BotoCoreError as error:
        raise StoreError(f"object {key}: {_said(error)}") from error


def _said(error: BaseException) -> str:
    """What happened, by name; messages of clients may be empty."""
    text = str(error).partition("\n")[0][:200]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
