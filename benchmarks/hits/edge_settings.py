"""The settings of our edge for a measurement: what an operator would write, and nothing more."""

import secrets
from pathlib import Path
from typing import Final

from benchmarks.hits.certificate import Certificate
from edge.settings import EdgeSettings

SUPPORTED_KEYS: Final = frozenset(EdgeSettings.model_fields)
_MEMORY_BYTES: Final = 1 << 30
# A sixteenth of it is for records: of all objects, so that hits are not about those.
_SCARCE_BYTES: Final = 4 << 20
_DISK_BYTES: Final = 2 << 30


def edge_toml(
    folder: Path,
    *,
    upstream: str,
    drm: str,
    is_disk: bool,
    certificate: Certificate | None,
    workers: int,
) -> str:
    """Write the file's text, and the credentials beside it.

    Args:
        folder: for credentials, log and disk tier.
        upstream: URL of the origin.
        drm: URL of who publishes the token keys.
        is_disk: the memory holds next to nothing, so that hits come from the disk.
        certificate: for TLS; None is in the clear.
        workers: how many processes.
    """
    credential = folder / "credential"
    credential.write_text(secrets.token_urlsafe(32))
    lines = [
        "port = 0",
        "admin_port = 0",
        f"upstream = '{upstream}'",
        f"drm = '{drm}'",
        f"edge_credential_file = '{credential}'",
        f"operator_credential_file = '{credential}'",
    ]
    if workers > 1:
        lines.append(f"workers = {workers}")
    if "access_log" in SUPPORTED_KEYS:
        lines.append(f"access_log = '{folder / 'access.log'}'")
    lines += ["[cache]", f"memory_bytes = {_SCARCE_BYTES if is_disk else _MEMORY_BYTES}"]
    lines += ["object_share_max = 1.0"]
    if is_disk:
        lines += ["[cache.disk]", "admission = 'all'", "min_free_bytes = 0"]
        lines += ["[[cache.disk.folders]]", f"path = '{folder / 'tier'}'"]
        lines += [f"bytes_max = {_DISK_BYTES}"]
    if certificate is not None:
        lines += ["[[tls.certificates]]"]
        lines += [f"certificate_file = '{certificate.chain}'", f"key_file = '{certificate.key}'"]
    return "\n".join([*lines, ""])
