"""Settings of the origin: table by table, as `attacca config schema` prints them."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator

from config.settings import RoleSettings, Section
from origin.intake.settings import LabelSettings, UploadSettings
from packager.identity import CpuClass
from packager.renditions import Protection

Port = Annotated[int, Field(ge=0, le=65535)]
LabelName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


class StoreKind(StrEnum):
    """What keeps the objects."""

    FOLDER = "folder"
    S3 = "s3"


class AddressingStyle(StrEnum):
    """Where a URL names the bucket."""

    PATH = "path"
    VIRTUAL = "virtual"


class S3Settings(Section):
    """A bucket of an S3 store, and how to reach it."""

    bucket: str = Field(
        default="",
        pattern=r"^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?$",
        description="The bucket; it must be there.",
    )
    endpoint_url: str = Field(
        default="",
        pattern=r"^(https?://[^/?#@\s]+/?)?$",
        description="Where the store answers, without a path. Empty: AWS in `region`.",
    )
    region: str = Field(
        default="us-east-1", pattern=r"^[a-zA-Z0-9-]+$", description="Region that requests name."
    )
    prefix: str = Field(
        default="",
        pattern=r"^([A-Za-z0-9_-][A-Za-z0-9._-]*/)*$",
        max_length=256,
        description="What all keys begin with, when the bucket is shared: ends with a slash.",
    )
    addressing_style: AddressingStyle = Field(
        default=AddressingStyle.PATH,
        description="Bucket in the path, or in the host name (AWS wants that).",
    )
    access_key_id: SecretStr | None = Field(
        default=None, description="Access key. Without one, AWS's usual places are looked at."
    )
    access_key_id_file: Path | None = Field(
        default=None, description="File with the access key, instead of access_key_id."
    )
    secret_access_key: SecretStr | None = Field(
        default=None, description="Secret of the access key."
    )
    secret_access_key_file: Path | None = Field(
        default=None, description="File with the secret, instead of secret_access_key."
    )
    ca_bundle: Path | None = Field(
        default=None, description="Certificates (PEM) to check the store's with. Unset: system's."
    )
    connections_max: int = Field(
        default=64,
        ge=4,
        le=1024,
        description="Reads that wait for an answer of the store at a time, and as many writes.",
    )
    connect_timeout_s: float = Field(default=1.0, gt=0, le=60, description="Time to connect.")
    read_timeout_s: float = Field(
        default=5.0,
        gt=0,
        le=300,
        description="Longest silence of the store, and longest wait for a free connection.",
    )
    requires_conditional_put: bool = Field(
        default=True,
        description="Whether to refuse a store that does not keep the conditions of a put.",
    )

    @model_validator(mode="after")
    def _check_credentials(self) -> Self:
        has_key = self.access_key_id is not None or self.access_key_id_file is not None
        has_secret = self.secret_access_key is not None or self.secret_access_key_file is not None
        if has_key and not has_secret:
            raise ValueError("`access_key_id` needs a `secret_access_key_file`")
        if has_secret and not has_key:
            raise ValueError("`secret_access_key` needs an `access_key_id` or its file")
        return self

    @model_validator(mode="after")
    def _check_endpoint(self) -> Self:
        if self.ca_bundle is not None and self.endpoint_url.startswith("http:"):
            raise ValueError("`ca_bundle` is of no use with an `endpoint_url` of http")
        return self


class StoreSettings(Section):
    """The object store."""

    kind: StoreKind = Field(
        default=StoreKind.FOLDER, description="`folder` of this machine, or a bucket of `s3`."
    )
    folder: Path = Field(
        default=Path("data/store"),
        description="Folder that holds masters, records and packaged renditions.",
    )
    s3: S3Settings = Field(
        default_factory=S3Settings, description="The bucket, when `kind` is `s3`."
    )

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        if self.kind is StoreKind.S3 and not self.s3.bucket:
            raise ValueError("`s3.bucket` is needed when `kind` is `s3`")
        if self.kind is StoreKind.FOLDER and self.s3.model_fields_set:
            raise ValueError("`kind` must be `s3` for the settings under `s3` to count")
        return self


class PackagerSettings(Section):
    """The packaging workers."""

    workers: int = Field(
        default=2, ge=1, le=256, description="Jobs at a time; each is a process on one core."
    )
    memory_bytes_max: int = Field(
        default=1 << 30, ge=128 << 20, description="Limit of each worker's memory, in bytes."
    )
    cpu_class: CpuClass | None = Field(
        default=None,
        description=(
            "CPU dispatch class that the codecs are held to. Machines that are to make equal "
            "bytes need the same one. Unset: the best of this machine."
        ),
    )

    scheme: Literal[Protection.CBCS, Protection.CENC] = Field(
        default=Protection.CBCS,
        description=(
            "Common Encryption of new versions: `cbcs` for all players of today, `cenc` for old "
            "ones. Tracks that are there stay as they are until they are repackaged."
        ),
    )
    wait_s: float = Field(
        default=10.0,
        ge=0,
        le=120,
        description="How long a request waits for a rendition that is packaged for it.",
    )
    session_jobs_max: int = Field(
        default=8,
        ge=1,
        le=1000,
        description="Renditions that one listening session may have packaged at a time.",
    )
    claim_lease_s: float = Field(
        default=15.0,
        ge=1,
        le=600,
        description=(
            "How long an origin that packages may be silent before another one takes its work "
            "over. It says that it lives three times as often."
        ),
    )


class IngestSettings(Section):
    """What is taken in."""

    master_bytes_max: int = Field(
        default=32 << 30, ge=1, description="Largest master that is taken, in bytes."
    )
    labels: dict[LabelName, LabelSettings] = Field(
        default_factory=dict, description="Who may upload beside the operator, by name."
    )
    uploads: UploadSettings = Field(
        default_factory=UploadSettings, description="Limits of uploads."
    )


class EdgeAddress(Section):
    """An edge that is told what to purge."""

    admin_url: str = Field(
        pattern=r"^https?://[^/?#@\s]+/?$",
        description="Its admin listener, such as http://10.0.0.5:8081.",
    )
    operator_credential_file: Path | None = Field(
        default=None,
        description="File with its operator's secret. Unset: that of this origin's operator.",
    )


class OriginSettings(RoleSettings):
    """Settings of the origin."""

    host: str = Field(default="127.0.0.1", description="Address that edges reach it at.")
    port: Port = Field(default=8090, description="Port for edges; 0 picks a free one.")
    admin_host: str = Field(default="127.0.0.1", description="Address of the admin listener.")
    admin_port: Port = Field(default=8091, description="Admin port; 0 picks a free one.")
    allowed_hosts: tuple[str, ...] = Field(
        default=(),
        description="Host names that the listeners go by, beside loopback addresses.",
    )
    is_metrics_open: bool = Field(
        default=True, description="Whether /metrics needs no operator credential."
    )
    scratch: Path = Field(
        default=Path("data/scratch"), description="Folder for the work files of packaging."
    )
    record_memory_bytes: int = Field(
        default=16 << 20,
        ge=0,
        description="Records that are kept in memory, by the size of their stored form.",
    )
    probe_interval_s: float = Field(
        default=5.0, ge=0.1, le=3600, description="How often readiness looks at the store."
    )
    store: StoreSettings = Field(default_factory=StoreSettings, description="The object store.")
    packager: PackagerSettings = Field(
        default_factory=PackagerSettings, description="The packaging workers."
    )
    ingest: IngestSettings = Field(default_factory=IngestSettings, description="What is taken in.")
    edges: tuple[EdgeAddress, ...] = Field(
        default=(),
        description=(
            "Edges that purge what changes here; others wait until it is stale. All origins of one "
            "store name the same ones, or none."
        ),
    )
    purge_interval_s: float = Field(
        default=1.0, ge=0.1, le=60, description="How often edges are told what has changed."
    )
    is_release_warmed: bool = Field(
        default=False,
        description="Whether these edges fetch what was uploaded once it is packaged.",
    )
    edge_credential: SecretStr | None = Field(
        default=None, description="Secret by which edges show themselves."
    )
    edge_credential_file: Path | None = Field(
        default=None, description="File with the edges' secret, instead of edge_credential."
    )
    operator_credential: SecretStr | None = Field(
        default=None, description="Secret of the operator."
    )
    operator_credential_file: Path | None = Field(
        default=None, description="File with the operator's secret."
    )
    drm_url: str = Field(
        default="http://127.0.0.1:8095",
        description="Where drm answers, for an origin in a process of its own.",
    )
    drm_credential: SecretStr | None = Field(
        default=None, description="Secret by which this origin asks drm for content keys."
    )
    drm_credential_file: Path | None = Field(
        default=None, description="File with the secret for drm."
    )
