"""How many refused tokens a client may send."""

import pytest

from edge.errors import TooManyRefusalsError
from edge.refusal_limits import RefusalLimits


def limits(clients_max: int = 10) -> RefusalLimits:
    return RefusalLimits(burst=3, refill_per_s=0.5, clients_max=clients_max)


def test_a_burst_is_allowed_then_the_client_waits():
    bucket = limits()
    for _ in range(3):
        bucket.check("a", now_s=100)
        bucket.note_refusal("a", now_s=100)
    with pytest.raises(TooManyRefusalsError) as raised:
        bucket.check("a", now_s=100)
    assert raised.value.headers["Retry-After"] == "2"
    bucket.check("b", now_s=100)
    bucket.check("a", now_s=102)


def test_a_quiet_client_is_forgotten():
    bucket = limits()
    bucket.note_refusal("a", now_s=100)
    bucket.check("a", now_s=103)
    assert len(bucket) == 0


def test_the_table_is_bounded():
    bucket = limits(clients_max=2)
    for client in "abc":
        bucket.note_refusal(client, now_s=100)
    assert len(bucket) == 2
