"""An origin behind all members, and where those of a node meet."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from edge.tests.scripted_origin import ScriptedOrigin, open_scripted_origin


@pytest.fixture
async def origin() -> AsyncIterator[ScriptedOrigin]:
    async with open_scripted_origin() as origin:
        yield origin


@pytest.fixture
def run_dir() -> Iterator[Path]:
    """Where workers meet: paths of sockets are short. A thread may still be writing there."""
    with tempfile.TemporaryDirectory(prefix="run", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
