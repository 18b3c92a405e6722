"""CLOCK: another round for what was asked for."""

from edge.eviction.clock import ClockPolicy


def test_the_oldest_goes_first_and_a_use_buys_one_round():
    policy: ClockPolicy[str] = ClockPolicy(bytes_max=3)
    for entry in "abc":
        policy.put(entry, 1)
    policy.get("a")
    policy.get("a")
    assert policy.put("d", 1) == ["b"]
    assert policy.put("e", 1) == ["c"]
    assert policy.put("f", 1) == ["a"]


def test_when_all_were_used_the_oldest_goes():
    policy: ClockPolicy[str] = ClockPolicy(bytes_max=2)
    for entry in "ab":
        policy.put(entry, 1)
        policy.get(entry)
    assert policy.put("c", 1) == ["a"]
