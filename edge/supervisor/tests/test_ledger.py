from collections.abc import Iterator

import orjson
import pytest
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.registry import Collector
from typing_extensions import override

from edge.supervisor.ledger import Ledger


def text_of(*, served: int, stored: int, newest: int, quick: int = 0) -> bytes:
    text = f"""\
# HELP edge_responses_total Responses sent.
# TYPE edge_responses_total counter
edge_responses_total{{result="hit"}} {served}
# HELP edge_memory_bytes Memory.
# TYPE edge_memory_bytes gauge
edge_memory_bytes {stored}
# HELP edge_purge_sequence Number of the newest purge.
# TYPE edge_purge_sequence gauge
edge_purge_sequence {newest}
# HELP edge_first_byte_seconds First byte.
# TYPE edge_first_byte_seconds histogram
edge_first_byte_seconds_bucket{{le="0.1"}} {quick}
edge_first_byte_seconds_bucket{{le="+Inf"}} {quick}
edge_first_byte_seconds_count {quick}
edge_first_byte_seconds_sum {quick / 10}
"""
    return text.encode()


def values_of(ledger: Ledger) -> dict[str, float]:
    class Told(Collector):
        @override
        def collect(self) -> Iterator[Metric]:
            return ledger.metrics()

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Told())
    lines = generate_latest(registry).decode().splitlines()
    pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, _, value in pairs}


def test_counters_are_added_up_and_gauges_are_of_who_serves():
    ledger = Ledger()
    ledger.note(1, text_of(served=5, stored=10, newest=3, quick=2), is_current=True)
    ledger.note(2, text_of(served=6, stored=20, newest=4, quick=1), is_current=True)
    ledger.note(3, text_of(served=7, stored=40, newest=9), is_current=False)
    values = values_of(ledger)
    assert values['edge_responses_total{result="hit"}'] == 18
    assert values["edge_memory_bytes"] == 30
    assert values["edge_purge_sequence"] == 4
    assert values['edge_first_byte_seconds_bucket{le="0.1"}'] == 3
    assert round(values["edge_first_byte_seconds_sum"], 6) == 0.3


def test_a_restart_takes_nothing_away():
    ledger = Ledger()
    told = []
    for worker in range(1, 5):
        ledger.note(worker, text_of(served=10, stored=1, newest=1, quick=1), is_current=True)
        told.append(values_of(ledger)['edge_responses_total{result="hit"}'])
        ledger.note(worker, text_of(served=12, stored=1, newest=1, quick=1), is_current=False)
        ledger.retire(worker)
        told.append(values_of(ledger)['edge_responses_total{result="hit"}'])
    assert told == [10, 12, 22, 24, 34, 36, 46, 48]
    assert "edge_memory_bytes" not in values_of(ledger)


def test_another_program_takes_it_up_where_it_was():
    ledger = Ledger()
    ledger.note(1, text_of(served=5, stored=1, newest=1), is_current=True)
    ledger.retire(1)
    ledger.note(2, text_of(served=6, stored=1, newest=1, quick=3), is_current=True)
    next_one = Ledger()
    next_one.restore(orjson.loads(orjson.dumps(ledger.save())))
    assert values_of(next_one) == values_of(ledger)
    for one in (ledger, next_one):
        one.retire(2)
    assert values_of(next_one) == values_of(ledger)


@pytest.mark.parametrize(
    "content", [pytest.param(b"\xff", id="no text"), pytest.param(b"a {", id="no metrics")]
)
def test_what_cannot_be_read_leaves_what_was_told_before(content: bytes):
    ledger = Ledger()
    ledger.note(1, text_of(served=5, stored=1, newest=1), is_current=True)
    before = values_of(ledger)
    with pytest.raises(ValueError):  # noqa: PT011 - of whichever kind
        ledger.note(1, content, is_current=True)
    assert values_of(ledger) == before
