"""Nodes come and go."""

import pytest
from multidict import CIMultiDict

from edge.metrics import EdgeCounts
from edge.peers.discovery import FoundNode
from edge.peers.member import PeerLostError
from edge.peers.mesh import ALONE, MeshGround, open_mesh
from edge.peers.settings import PeerSettings
from edge.peers.tests.company import PEERS
from edge.ports import UpstreamRequest
from edge.settings import LimitSettings
from edge.tests.conftest import ManualClock

A = FoundNode("a", "http://127.0.0.1:1", is_own=True)
B, C = FoundNode("b", "http://127.0.0.1:2"), FoundNode("c", "http://127.0.0.1:3")
KEYS = [f"/a{number}" for number in range(300)]


def ground_of(**values: object) -> MeshGround:
    settings = PeerSettings.model_validate({**PEERS, "listen": "127.0.0.1:0", **values})
    return MeshGround(settings, LimitSettings(), ALONE, "id", ManualClock(), EdgeCounts())


async def test_a_node_that_leaves_moves_its_share_and_one_that_joins_takes_its_own():
    async with open_mesh(ground_of(dns="127.0.0.1:9")) as mesh:
        members = mesh.members

        def owners() -> dict[str, str]:
            ways = {key: members.way(key, 0) for key in KEYS}
            return {key: way[0].name if way else "a" for key, way in ways.items()}

        await mesh.meet([A, B, C])
        all_three = owners()
        assert set(all_three.values()) == {"a", "b", "c"}
        await mesh.meet([A, B])
        two = owners()
        assert all(two[key] == all_three[key] for key in KEYS if all_three[key] != "c")
        assert {two[key] for key in KEYS if all_three[key] == "c"} == {"a", "b"}
        await mesh.meet([A, B, C])
        assert owners() == all_three


async def test_who_has_left_is_asked_nothing_more():
    async with open_mesh(ground_of(dns="127.0.0.1:9")) as mesh:
        await mesh.meet([A, B, C])
        (gone,) = (one for one in mesh.members.nodes.others.values() if one.name == "b")
        await mesh.meet([A, C])
        with pytest.raises(PeerLostError):
            await gone.ask(UpstreamRequest("GET", "/x", CIMultiDict()))
        assert mesh.members.names() == ["c"]
        assert "b" not in mesh.ground.counts.peers_up


async def test_a_node_that_moves_is_met_anew():
    async with open_mesh(ground_of(dns="127.0.0.1:9")) as mesh:
        await mesh.meet([A, B])
        before = mesh.members.nodes.others["b"]
        await mesh.meet([A, FoundNode("b", "http://127.0.0.1:4")])
        assert mesh.members.nodes.others["b"] is not before


async def test_a_node_without_others_asks_the_origin_itself():
    async with open_mesh(ground_of()) as mesh:
        assert mesh.is_alone
        assert not mesh.members.has_others
