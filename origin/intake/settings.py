"""Settings of the ingest API: limits of its requests, and a table for each label."""

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator

from config.settings import Section

_DAY_S = 86_400


class LabelSettings(Section):
    """A label that may upload, `[ingest.labels.NAME]`."""

    credential: SecretStr | None = Field(default=None, description="The label's bearer token.")
    credential_file: Path | None = Field(
        default=None, description="File with the label's bearer token."
    )
    upload_bytes_max: int | None = Field(
        default=None, ge=1, description="Largest upload; unset: ingest.master_bytes_max."
    )
    day_bytes_max: int | None = Field(
        default=None, ge=1, description="Bytes of all uploads of a day (UTC); unset: no limit."
    )
    open_uploads_max: int = Field(
        default=100, ge=1, le=1000, description="Uploads that are not complete yet."
    )


class UploadSettings(Section):
    """Limits of uploads, `[ingest.uploads]`."""

    origins: tuple[str, ...] = Field(
        default=(),
        description=(
            "Web origins whose pages may upload with a label's token, such as "
            "https://upload.example.com. The operator's credential is never taken from a page."
        ),
    )
    expiry_s: int = Field(
        default=_DAY_S,
        ge=60,
        description="An upload that nothing was appended to for so long is removed.",
    )
    kept_s: int = Field(
        default=7 * _DAY_S,
        ge=60,
        description="How long finished uploads, their idempotency keys and events are kept.",
    )
    requests_max: int = Field(
        default=16,
        ge=1,
        le=1024,
        description="Requests that append at a time; each holds up to 16 MiB of memory.",
    )
    label_requests_max: int = Field(
        default=4,
        ge=1,
        le=1024,
        description=(
            "The same for one label, and the operator. After its first a label gets no more than "
            "it leaves to others."
        ),
    )
    operator_requests_kept: int = Field(
        default=2, ge=0, le=1024, description="Those that are kept for the operator's own uploads."
    )
    idle_s: float = Field(
        default=30.0, ge=1, le=3600, description="Longest silence within the content of a request."
    )
    rate_min_bps: int = Field(
        default=8_000, ge=0, description="Slowest rate of a content, in bits a second."
    )
    streams_max: int = Field(
        default=64, ge=1, le=10_000, description="Followers of events at a time."
    )
    label_streams_max: int = Field(default=16, ge=1, le=10_000, description="Those of one label.")
    poll_s: float = Field(
        default=2.0,
        ge=0.01,
        le=60,
        description="How often the store is asked for uploads and events of other origins.",
    )
    jobs: int = Field(default=2, ge=1, le=64, description="Uploads that are processed at a time.")
    sweep_s: float = Field(
        default=3600.0, ge=0.1, le=_DAY_S, description="How often expired uploads are looked for."
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.label_requests_max > self.requests_max:
            raise ValueError("label_requests_max is above requests_max")
        if self.operator_requests_kept >= self.requests_max:
            raise ValueError("operator_requests_kept leaves none of requests_max to labels")
        if self.label_streams_max > self.streams_max:
            raise ValueError("label_streams_max is above streams_max")
        return self
