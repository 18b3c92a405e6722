"""One node and one track for all end-to-end tests."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loadtest.masters import write_tone
from loadtest.node import Node, running_node


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("delivery")


@pytest.fixture(scope="session")
def node(folder: Path) -> Iterator[Node]:
    with running_node(folder / "data") as node:
        yield node


@pytest.fixture(scope="session")
def track(node: Node, folder: Path) -> dict[str, Any]:
    master = write_tone(folder / "master.wav", seconds=7.3, sample_rate_hz=48000)
    (track,) = node.json_lines("ingest", str(master))
    return track


@pytest.fixture(scope="session")
def bearer(node: Node) -> dict[str, str]:
    return {"Authorization": f"Bearer {node.output('token').strip()}"}
