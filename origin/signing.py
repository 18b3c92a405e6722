"""Signatures of S3 requests in the `Authorization` field: AWS Signature Version 4. No I/O.

The road of every byte that is served signs its own requests: this costs some microseconds, a
general client a millisecond. Follows the S3 API reference, "Authenticating Requests: Using the
Authorization Header". The key of a day is derived once; the clock is the caller's.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

_ALGORITHM: Final = "AWS4-HMAC-SHA256"

# The body is left out of the signature: of a GET there is none.
UNSIGNED_PAYLOAD: Final = "UNSIGNED-PAYLOAD"

# RFC 3986 section 2.3; a "/" of a path stays as it is.
_PATH_SAFE: Final = "/-_.~"
_QUERY_SAFE: Final = "-_.~"


@dataclass(frozen=True, slots=True)
class S3Credentials:
    """Who signs. Neither the secret nor the token shows in a `repr`."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What is to be signed.

    Attributes:
        method: such as `GET`.
        host: the `Host` field as it will be sent, with a port that is not the scheme's own.
        path: absolute and not yet percent-encoded.
        query: names and values, not yet percent-encoded.
        fields: further fields that the signature shall protect.
        payload_sha256: of the body, or `UNSIGNED_PAYLOAD`.
    """

    method: str
    host: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    payload_sha256: str = UNSIGNED_PAYLOAD


@dataclass(frozen=True, slots=True)
class _DayKey:
    """What changes once a day, or with the credentials."""

    date: str
    credentials: S3Credentials
    key: bytes
    scope: str


class RequestSigner:
    """Signs requests to one region. Not to be shared between threads."""

    def __init__(self, region: str, *, service: str = "s3") -> None:
        self._region = region
        self._service = service
        self._day: _DayKey | None = None

    def sign(
        self, request: SignedRequest, credentials: S3Credentials, *, now_s: float
    ) -> dict[str, str]:
        """All fields to send: those of the request, `Host`, and what the signature adds.

        Args:
            request: what is to be signed.
            credentials: whose signature it is to be.
            now_s: the wall clock; S3 refuses one that is off by over 15 minutes.
        """
        moment = f"{datetime.fromtimestamp(now_s, UTC):%Y%m%dT%H%M%SZ}"
        fields = {
            "Host": request.host,
            "X-Amz-Content-Sha256": request.payload_sha256,
            "X-Amz-Date": moment,
            **request.fields,
        }
        if credentials.session_token:
            fields["X-Amz-Security-Token"] = credentials.session_token
        canonical_fields = sorted(
            (name.lower(), " ".join(value.split())) for name, value in fields.items()
        )
        names = ";".join(name for name, _ in canonical_fields)
        canonical = "\n".join(
            (
                request.method,
                quote(request.path, safe=_PATH_SAFE),
                canonical_query(request.query),
                *(f"{name}:{value}" for name, value in canonical_fields),
                "",
                names,
                request.payload_sha256,
            )
        )
        day = self._day_key(moment[:8], credentials)
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        to_sign = f"{_ALGORITHM}\n{moment}\n{day.scope}\n{digest}"
        signature = hmac.digest(day.key, to_sign.encode(), "sha256").hex()
        fields["Authorization"] = (
            f"{_ALGORITHM} Credential={credentials.access_key_id}/{day.scope},"
            f"SignedHeaders={names},Signature={signature}"
        )
        return fields

    def _day_key(self, date: str, credentials: S3Credentials) -> _DayKey:
        day = self._day
        if day is None or day.date != date or day.credentials != credentials:
            key = f"AWS4{credentials.secret_access_key}".encode()
            for part in (date, self._region, self._service, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            scope = f"{date}/{self._region}/{self._service}/aws4_request"
            day = self._day = _DayKey(date, credentials, key, scope)
        return day


def canonical_query(query: Sequence[tuple[str, str]]) -> str:
    """A query in the order and encoding of the signature; send it like this."""
    encoded = (
        (quote(name, safe=_QUERY_SAFE), quote(value, safe=_QUERY_SAFE)) for name, value in query
    )
    return "&".join(f"{name}={value}" for name, value in sorted(encoded))
