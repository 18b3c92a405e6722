"""The nodes of the PoP, from settings and from a name."""

import pytest

from edge.peers.discovery import FoundNode, configured_nodes, resolved_nodes
from edge.peers.settings import PeerSettings

NODES = [
    {"name": "a", "url": "http://127.0.0.1:1", "weight": 2.0},
    {"name": "b", "url": "http://127.0.0.1:2"},
]


def settings_of(**values: object) -> PeerSettings:
    return PeerSettings.model_validate({"listen": "127.0.0.1:0", **values})


def test_nodes_are_those_of_the_settings():
    assert configured_nodes(settings_of(node="b", nodes=NODES)) == [
        FoundNode("a", "http://127.0.0.1:1", 2.0),
        FoundNode("b", "http://127.0.0.1:2", is_own=True),
    ]


async def test_a_name_stands_for_a_node_at_each_of_its_addresses():
    (found,) = await resolved_nodes(settings_of(dns="127.0.0.1:8083")) or []
    assert found == FoundNode("127.0.0.1:8083", "http://127.0.0.1:8083", is_own=True)


async def test_which_node_this_is_can_be_said():
    found = await resolved_nodes(settings_of(dns="127.0.0.1:8083", node="10.0.0.1:8083"))
    assert found is not None
    assert not found[0].is_own


async def test_a_name_that_cannot_be_resolved_says_nothing():
    settings = settings_of(dns="name.invalid:1", is_plain=True)
    assert await resolved_nodes(settings) is None


@pytest.mark.parametrize(
    ("values", "word"),
    [
        pytest.param({"node": "a", "nodes": NODES, "dns": "x:1"}, "either", id="two sources"),
        pytest.param({"node": "c", "nodes": NODES}, "one of the names", id="a stranger"),
        pytest.param({"node": "a", "nodes": [NODES[0], NODES[0]]}, "same name", id="twins"),
        pytest.param({"node": "a", "nodes": NODES, "listen": None}, "listen", id="no listener"),
        pytest.param({"cert_file": "/x"}, "go together", id="half of TLS"),
        pytest.param({"listen": "0.0.0.0:1"}, "TLS", id="beyond loopback in the clear"),
        pytest.param({"dns": "nodes.example:1"}, "TLS", id="a name in the clear"),
        pytest.param(
            {"node": "a", "nodes": NODES, "ca_file": "/c", "cert_file": "/c", "key_file": "/k"},
            "https://",
            id="clear URLs with TLS",
        ),
        pytest.param({"listen": "here"}, "HOST:PORT", id="no port"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(values: dict[str, object], word: str):
    with pytest.raises(ValueError, match=word):
        settings_of(**values)
