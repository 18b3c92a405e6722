"""Whom a worker asks, and in what order."""

from collections.abc import Sequence

import pytest
from typing_extensions import override

from edge.metrics import EdgeCounts
from edge.peers.member import Member
from edge.peers.members import Members, Nodes, Workers, slot_name
from edge.peers.ownership import Candidate, ranked
from edge.peers.wording import Hop
from edge.ports import Upstream, UpstreamAnswer, UpstreamRequest

KEYS = [f"/a{number}" for number in range(50)]


class NoUpstream(Upstream):
    """Nobody is asked anything here."""

    @override
    async def send(self, request: UpstreamRequest) -> UpstreamAnswer:
        raise AssertionError


def member_of(name: str, hop: Hop) -> Member:
    nobody = NoUpstream()
    return Member(name, hop, content=nobody, control=nobody, counts=EdgeCounts())


def members_of(
    own: str | None, nodes: Sequence[str] = ("a", "b", "c"), *, slots: int = 3, slot: int = 0
) -> Members:
    workers = {n: member_of(slot_name(n), Hop.WORKER) for n in range(slots) if n != slot}
    others = {name: member_of(name, Hop.NODE) for name in nodes if name != own}
    candidates = tuple(map(Candidate, nodes))
    return Members(Workers(slot, workers), Nodes(own, candidates if others else (), others))


def names(way: Sequence[Member]) -> list[str]:
    return [member.name for member in way]


@pytest.mark.parametrize("key", KEYS)
def test_nodes_before_this_one_are_asked_and_then_its_workers(key: str):
    members = members_of("b")
    nodes = ranked([Candidate(name) for name in "abc"], key)
    slots = ranked([Candidate(slot_name(n)) for n in range(3)], key)
    before = [*nodes[: nodes.index("b")], *slots[: slots.index("slot 0")]]
    assert names(members.way(key, 0)) == before[:3]
    assert members.is_owner(key, 0) == (not before)


@pytest.mark.parametrize("key", KEYS[:10])
def test_a_nodes_request_goes_to_workers_alone_and_a_workers_to_nobody(key: str):
    members = members_of("b")
    assert all(member.hop is Hop.WORKER for member in members.way(key, 0, hop=Hop.NODE))
    assert members.way(key, 0, hop=Hop.WORKER) == []


def test_who_is_down_is_passed_over():
    members = members_of("b", slots=1)
    key = next(key for key in KEYS if names(members.way(key, 0))[:1] == ["a"])
    rest = names(members.way(key, 0))[1:]
    members.nodes.others["a"].is_up = False
    assert names(members.way(key, 0)) == rest


def test_a_node_that_is_not_among_the_nodes_owns_nothing():
    members = members_of(None, slots=1)
    assert not any(members.is_owner(key, 0) for key in KEYS)


def test_who_is_alone_owns_everything():
    members = members_of("a", ("a",), slots=1)
    assert not members.has_others
    assert all(members.is_owner(key, span) for key in KEYS for span in range(3))


def test_all_others_have_names():
    assert members_of("b").names() == ["a", "c", "slot 1", "slot 2"]
