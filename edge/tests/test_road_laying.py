"""How settings become the bounds of a node's parts."""

import asyncio

from config.tasks import open_tasks
from edge.metrics import EdgeCounts
from edge.ports import UpstreamAnswer, UpstreamRequest
from edge.purges import Purges
from edge.road_laying import Ground
from edge.tests.conftest import settings_for
from edge.tiers import open_tiers
from edge.upstream_answers import LengthLimits


class NoUpstream:
    async def send(self, request: UpstreamRequest) -> UpstreamAnswer:
        raise AssertionError(request.target)


async def test_bounds_follow_from_the_settings():
    settings = settings_for(
        "http://127.0.0.1:1",
        cache={"memory_bytes": 8 << 20, "object_share_max": 0.5, "run_bytes_max": 4096},
        limits={"fills_max": 3, "upstream_connections_max": 5},
    )
    purges = Purges(entries_max=10)
    clock = asyncio.get_running_loop().time
    async with open_tiers(settings.cache, purges) as tiers, open_tasks() as tasks:
        nobody = NoUpstream()
        ground = Ground(settings, tiers, purges, nobody, nobody, tasks, EdgeCounts(), clock)
        assert ground.lengths == LengthLimits(in_parts=4 << 20, in_one=4 << 20)
        assert ground.run_bytes_max == settings.cache.slice_bytes  # Never less than a slice.
        assert ground.slots.lent_max == 2
        assert not ground.is_token_checked
