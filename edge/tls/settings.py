"""Settings of TLS on the listener for media."""

from enum import StrEnum
from pathlib import Path

from pydantic import Field

from config.settings import Section


class TlsVersion(StrEnum):
    """The lowest version that is spoken."""

    TLS12 = "1.2"
    TLS13 = "1.3"


class CertificateSettings(Section):
    """A certificate with its key."""

    certificate_file: Path = Field(
        description="PEM: the certificate of this server first, then what leads to a root."
    )
    key_file: Path = Field(description="PEM: its private key, not encrypted.")


class TlsSettings(Section):
    """TLS on the listener for media; without a certificate it speaks in the clear."""

    certificates: tuple[CertificateSettings, ...] = Field(
        default=(),
        description="The first is shown to clients that name no server or an unknown one; the "
        "others by the names that are in them.",
    )
    min_version: TlsVersion = Field(
        default=TlsVersion.TLS12, description="The lowest version that is spoken: `1.2` or `1.3`."
    )
    handshake_s: float = Field(
        default=10.0, gt=0, description="What a client has for its handshake, in seconds."
    )
    handshakes_max: int = Field(
        default=1024,
        ge=1,
        description="Handshakes under way in a worker at once; further clients wait, and who has "
        "taken a second makes room.",
    )
    watch_s: float = Field(
        default=10.0,
        gt=0,
        description="How often the files are looked at for a change, in seconds.",
    )
