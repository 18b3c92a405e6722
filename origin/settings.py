"""Settings of the origin: table by table, as `attacca config schema` prints them."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr

from config.settings import RoleSettings, Section
from packager.identity import CpuClass

Port = Annotated[int, Field(ge=0, le=65535)]


class StoreSettings(Section):
    """The object store."""

    folder: Path = Field(
        default=Path("data/store"),
        description="Folder that holds masters, records and packaged renditions.",
    )


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


class IngestSettings(Section):
    """What is taken in."""

    master_bytes_max: int = Field(
        default=32 << 30, ge=1, description="Largest master that is taken, in bytes."
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
