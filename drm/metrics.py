"""Metrics of drm: plain integers of the process, turned into families when they are scraped.

Labels are reasons of errors, carriers of tokens and kinds of licenses: never a key, a track or a
session.
"""

import enum
from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override

from config.metric_families import counter_by


class TokenKind(enum.StrEnum):
    """How an issued token may travel."""

    PATH = "path"
    HEADER = "header"


class LicenseSystem(enum.StrEnum):
    """How a key was asked for."""

    CLEAR_KEY = "clearkey"
    HLS = "hls"


class DrmMetrics(Collector):
    """Counts what drm does. Register it with the registry that the role's listener shows."""

    def __init__(self) -> None:
        self._licenses_by_system: Counter[LicenseSystem] = Counter()
        self._license_keys = 0
        self._track_keys = 0
        self._tokens_by_kind: Counter[TokenKind] = Counter()
        self._license_refusals_by_reason: Counter[str] = Counter()
        self._token_refusals_by_reason: Counter[str] = Counter()
        self._track_key_refusals_by_reason: Counter[str] = Counter()

    def record_license(self, system: LicenseSystem, *, keys: int) -> None:
        """Count a license that was granted with so many keys."""
        self._licenses_by_system[system] += 1
        self._license_keys += keys

    def record_license_refusal(self, reason: str) -> None:
        """Count a license that was refused, by the error's reason."""
        self._license_refusals_by_reason[reason] += 1

    def record_token(self, kind: TokenKind) -> None:
        """Count a token that was issued."""
        self._tokens_by_kind[kind] += 1

    def record_token_refusal(self, reason: str) -> None:
        """Count a token that was not issued, by the error's reason."""
        self._token_refusals_by_reason[reason] += 1

    def record_track_keys(self) -> None:
        """Count content keys that were given to an origin."""
        self._track_keys += 1

    def record_track_keys_refusal(self, reason: str) -> None:
        """Count content keys that were not given to an origin, by the error's reason."""
        self._track_key_refusals_by_reason[reason] += 1

    @override
    def collect(self) -> Iterator[CounterMetricFamily]:
        """The families, for a registry."""
        yield counter_by(
            "system",
            "drm_licenses_granted",
            "Licenses granted, by how they were asked for.",
            self._licenses_by_system,
        )
        yield CounterMetricFamily(
            "drm_license_keys_granted", "Content keys within these.", value=self._license_keys
        )
        yield counter_by(
            "reason",
            "drm_licenses_refused",
            "Licenses refused, by reason.",
            self._license_refusals_by_reason,
        )
        yield counter_by(
            "kind",
            "drm_tokens_issued",
            "Playback tokens issued, by how they may travel.",
            self._tokens_by_kind,
        )
        yield counter_by(
            "reason",
            "drm_tokens_refused",
            "Requests for a token refused, by reason.",
            self._token_refusals_by_reason,
        )
        yield CounterMetricFamily(
            "drm_track_keys_given", "Tracks whose keys an origin was given.", value=self._track_keys
        )
        yield counter_by(
            "reason",
            "drm_track_keys_refused",
            "Requests of an origin for keys refused, by reason.",
            self._track_key_refusals_by_reason,
        )
