"""An origin behind all members."""

from collections.abc import AsyncIterator

import pytest

from edge.tests.scripted_origin import ScriptedOrigin, open_scripted_origin


@pytest.fixture
async def origin() -> AsyncIterator[ScriptedOrigin]:
    async with open_scripted_origin() as origin:
        yield origin
