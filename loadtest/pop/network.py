"""Network namespaces for nodes: two wires to each, which can be pulled and put back.

One bridge is the world, where origin and listeners are; over the other one the nodes reach each
other. Both are in a namespace of their own, so nothing of this machine's network is touched.
"""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

NODES_NAME: Final = "nodes.pop.internal"
"""A name that all nodes have, as DNS would say it."""

OUTSIDE: Final = "attacca-pop-out"
_INSIDE: Final = "attacca-pop-"

# A block for documentation would do as well; these are of nobody else in these namespaces.
_NETS: Final = {"world": "10.77.0", "peers": "10.78.0"}


class Wire(StrEnum):
    """Which of a node's two wires."""

    WORLD = "world"
    PEERS = "peers"


def outside_address() -> str:
    """Of origin and listeners."""
    return f"{_NETS['world']}.1"


def address_of(node: str, wire: Wire) -> str:
    """Of a node on a wire."""
    return f"{_NETS[wire]}.{10 + ord(node) - ord('a')}"


def namespace_of(node: str) -> str:
    """The namespace of a node."""
    return _INSIDE + node


@contextlib.contextmanager
def running_network(nodes: Sequence[str]) -> Iterator[None]:
    """Have all namespaces until the block is left. Needs root.

    Raises:
        subprocess.CalledProcessError: the kernel refuses.
    """
    _remove(nodes)
    try:
        _ip("netns", "add", OUTSIDE)
        _ip("-n", OUTSIDE, "link", "set", "lo", "up")
        for wire in Wire:
            _ip("-n", OUTSIDE, "link", "add", f"br-{wire}", "type", "bridge")
            _ip("-n", OUTSIDE, "link", "set", f"br-{wire}", "up")
        _ip("-n", OUTSIDE, "addr", "add", f"{outside_address()}/24", "dev", "br-world")
        for node in nodes:
            _add(node)
        yield
    finally:
        _remove(nodes)


def write_hosts(node: str, others: Sequence[str]) -> None:
    """Say in a node's namespace which addresses `NODES_NAME` has: those of these nodes."""
    lines = ["127.0.0.1 localhost"]
    lines += [f"{address_of(other, Wire.PEERS)} {NODES_NAME}" for other in others]
    # Into the same file: it is mounted there, and another one would not be.
    _hosts_of(node).write_text("\n".join(lines) + "\n")


def set_wire(node: str, wire: Wire, *, is_up: bool) -> None:
    """Pull a wire of a node, at the far end, or put it back."""
    _ip("-n", OUTSIDE, "link", "set", _port(node, wire), "up" if is_up else "down")


def _hosts_of(node: str) -> Path:
    return Path("/etc/netns") / namespace_of(node) / "hosts"


def _add(node: str) -> None:
    inside = namespace_of(node)
    _hosts_of(node).parent.mkdir(parents=True, exist_ok=True)
    write_hosts(node, ())
    _ip("netns", "add", inside)
    _ip("-n", inside, "link", "set", "lo", "up")
    for wire in Wire:
        port = _port(node, wire)
        _ip(
            "link",
            "add",
            port,
            "netns",
            OUTSIDE,
            "type",
            "veth",
            "peer",
            str(wire),
            "netns",
            inside,
        )
        _ip("-n", OUTSIDE, "link", "set", port, "master", f"br-{wire}", "up")
        _ip("-n", inside, "addr", "add", f"{address_of(node, wire)}/24", "dev", str(wire))
        _ip("-n", inside, "link", "set", str(wire), "up")


def _port(node: str, wire: Wire) -> str:
    return f"{wire}-{node}"


def _remove(nodes: Sequence[str]) -> None:
    for name in (OUTSIDE, *map(namespace_of, nodes)):
        subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
    for node in nodes:
        shutil.rmtree(_hosts_of(node).parent, ignore_errors=True)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
