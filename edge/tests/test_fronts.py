import ipaddress

import pytest

from edge.fronts import Fronts, Telling

NETWORKS = [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8")]
FORWARDED = Fronts(Telling.FORWARDED, NETWORKS)
FOR = Fronts(Telling.X_FORWARDED_FOR, NETWORKS)


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("fd00::1", True),
        ("192.0.2.1", False),
        ("2001:db8::1", False),
        ("", True),
    ],
)
def test_who_is_a_front(peer: str, expected: bool):
    assert FORWARDED.has(peer) == expected


@pytest.mark.parametrize(
    ("values", "client"),
    [
        pytest.param([], "10.0.0.1", id="nothing told"),
        pytest.param(["192.0.2.7"], "192.0.2.7", id="one hop"),
        pytest.param(["203.0.113.1, 192.0.2.7"], "192.0.2.7", id="what a client wrote itself"),
        pytest.param(["203.0.113.1", "192.0.2.7"], "192.0.2.7", id="in a field of its own"),
        pytest.param(["192.0.2.7, 10.0.0.2"], "192.0.2.7", id="another front between"),
        pytest.param(["10.0.0.3, 10.0.0.2"], "10.0.0.3", id="fronts only"),
        pytest.param(["192.0.2.7, unknown, 10.0.0.2"], "10.0.0.2", id="behind someone unknown"),
        pytest.param(["192.0.2.7, nonsense"], "10.0.0.1", id="nonsense"),
    ],
)
def test_the_client_is_the_nearest_that_is_no_front(values: list[str], client: str):
    assert FOR.client_of("10.0.0.1", values) == client


def test_by_the_field_of_the_standard():
    assert FORWARDED.client_of("", ["for=203.0.113.1", 'for="[2001:db8::7]:1"']) == "2001:db8::7"
    assert FORWARDED.field == "forwarded"
    assert Fronts(Telling.PROXY, []).field is None
