"""Settings of the drm role."""

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator

from config.settings import RoleSettings, Section


class TokenSettings(Section):
    """How playback tokens are issued."""

    ttl_s: int = Field(
        default=3600, ge=1, le=30 * 86_400, description="Lifetime when a request names none."
    )
    ttl_s_max: int = Field(
        default=86_400, ge=1, le=30 * 86_400, description="Longest lifetime of any token."
    )
    key_lead_s: int = Field(
        default=300,
        ge=0,
        le=86_400,
        description="How long a new signing key is published before it signs: longer than edges "
        "wait between two fetches of the keys.",
    )
    remembered_max: int = Field(
        default=16_384,
        ge=1,
        le=1_000_000,
        description="Tokens whose signature is not checked again; each takes up to 4 KiB.",
    )

    @model_validator(mode="after")
    def _check_lifetimes(self) -> Self:
        if self.ttl_s > self.ttl_s_max:
            raise ValueError("`ttl_s` is above `ttl_s_max`")
        return self


class LicenseSettings(Section):
    """How licenses are granted."""

    kids_max: int = Field(default=32, ge=1, le=128, description="Keys in one license, at most.")


class DrmSettings(RoleSettings):
    """Everything that can be set for the drm role."""

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8095, ge=0, le=65_535, description="Port; 0 picks a free one.")
    admin_host: str = Field(default="127.0.0.1", description="Address of the admin listener.")
    admin_port: int = Field(
        default=8096, ge=0, le=65_535, description="Port of the admin listener; 0 picks a free one."
    )
    allowed_hosts: tuple[str, ...] = Field(
        default=(),
        description="Names in `Host` by which operators may call, beside those of loopback.",
    )
    is_metrics_open: bool = Field(
        default=True, description="Whether `/metrics` is shown without the operator's credential."
    )
    probe_interval_s: float = Field(
        default=5.0, ge=0.1, le=3600, description="How often readiness looks at the vault."
    )
    database: Path = Field(
        default=Path("data/drm/keys.sqlite"), description="File of the key vault, on a local disk."
    )
    database_busy_s: float = Field(
        default=10.0,
        gt=0,
        le=60,
        description="How long to wait while another process writes to the vault.",
    )
    kek: SecretStr | None = Field(
        default=None,
        description="The key-encryption key: 32 bytes in base64. Better a variable or `kek_file`.",
    )
    kek_file: Path | None = Field(
        default=None,
        description="File with the key-encryption key; the file `kek` beside the vault by default.",
    )
    is_kek_created: bool = Field(
        default=True,
        description="Whether the key-encryption key is made when neither its file nor the vault "
        "exists.",
    )
    operator_credential: SecretStr | None = Field(
        default=None, description="Secret of the operator, who has tokens issued."
    )
    operator_credential_file: Path | None = Field(
        default=None, description="File with the operator's secret."
    )
    edge_credential: SecretStr | None = Field(
        default=None, description="Secret by which edges show themselves."
    )
    edge_credential_file: Path | None = Field(
        default=None, description="File with the edges' secret."
    )
    origin_credential: SecretStr | None = Field(
        default=None, description="Secret by which origins ask for content keys."
    )
    origin_credential_file: Path | None = Field(
        default=None, description="File with the origins' secret."
    )
    tokens: TokenSettings = TokenSettings()
    licenses: LicenseSettings = LicenseSettings()

    @model_validator(mode="after")
    def _check_kek(self) -> Self:
        if self.kek is not None and self.kek_file is not None:
            raise ValueError("give `kek` or `kek_file`, not both")
        return self
