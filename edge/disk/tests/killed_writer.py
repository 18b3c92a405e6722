"""Writes to a disk tier, removes and purges until it is killed. Run by test_kills.

It says `purged SEQUENCE NUMBER` on standard output once that purge was acknowledged.
"""

import asyncio
import itertools
import random
import sys
from pathlib import Path

from edge.disk.disk_tier import Kind
from edge.disk.tests.running import content_of, id_of, identity_of, running_tier, settings_of
from edge.purges import Purge, Purges

KEYS = 40


async def main(folder: Path) -> None:
    purges = Purges(entries_max=1000)
    rng = random.Random(folder.name)
    async with running_tier(settings_of(folder, bytes_max=1 << 20), purges=purges) as tier:
        print("ready", purges.sequence, flush=True)  # noqa: T201
        for turn in itertools.count():
            number = rng.randrange(KEYS)
            size = rng.choice([100, 1000, 70_000])
            kind = rng.choice(list(Kind))
            tier.write(
                id_of(number),
                identity_of(number),
                content_of(number, size),
                sequence=purges.sequence,
                kind=kind,
            )
            if turn % 7 == 0:
                tier.remove(id_of(rng.randrange(KEYS)))
            if turn % 25 == 0:
                number = rng.randrange(KEYS)
                sequence = await tier.purge_log.purge(Purge(urls=(f"/{number}",)))
                print("purged", sequence, number, flush=True)  # noqa: T201
            await asyncio.sleep(0)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
