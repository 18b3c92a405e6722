"""Metrics of TLS."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override

from config.metric_families import counter_by
from edge.tls.keyring import Keyring


@dataclass(slots=True)
class TlsCounts:
    """What became of handshakes: `full`, `resumed`, `failed`, `timeout`, `crowded`, `closed`."""

    handshakes: Counter[str] = field(default_factory=Counter)


class TlsCollector(Collector):
    """Turns counts and certificates into metric families."""

    def __init__(self, keyring: Keyring, counts: TlsCounts) -> None:
        self._keyring = keyring
        self._counts = counts

    @override
    def collect(self) -> Iterator[Metric]:
        yield counter_by(
            "result",
            "edge_tls_handshakes",
            "TLS handshakes that are over.",
            self._counts.handshakes,
        )
        expiry = GaugeMetricFamily(
            "edge_tls_certificate_expiry_timestamp_seconds",
            "When a certificate in use ends.",
            labels=["certificate"],
        )
        # Those who write the settings choose the files; the first name in one stands for it.
        for number, certificate in enumerate(self._keyring.certificates):
            name = certificate.names[0] if certificate.names else ""
            expiry.add_metric([f"{number}:{name}"], certificate.not_after_s)
        yield expiry
        yield GaugeMetricFamily(
            "edge_tls_certificates_outdated",
            "1 while what the files hold cannot be used, so that what was there before is.",
            value=float(not self._keyring.is_current),
        )
        yield GaugeMetricFamily(
            "edge_tls_certificates_loaded_timestamp_seconds",
            "When they were loaded.",
            value=self._keyring.loaded_s,
        )
