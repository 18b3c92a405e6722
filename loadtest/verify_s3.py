"""Proof: a library lives on S3, through crashes of the store and of an origin.

1. A node on SeaweedFS takes masters in while the store is killed; what was refused is taken in
   afterwards, and every rendition of every track plays.
2. Two origins on one bucket: a hundred listeners ask for twenty tracks that nothing was packaged
   of, and one origin is killed in the middle. All listeners are served, and each rendition is
   packaged once, or once more where the killer struck.

Needs nginx, which stands in front of the origins.
"""

import argparse
import asyncio
import hashlib
import json
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

import aiohttp

from loadtest.cluster import Cluster, running_cluster
from loadtest.masters import write_tone
from loadtest.node import Node
from loadtest.seaweed import Seaweed, running_seaweed
from packager.renditions import PROFILES

TRACKS: Final = 20
LISTENERS: Final = 100
MASTER_S: Final = 20

# What an origin logs when it has made a rendition.
PACKAGED: Final = "rendition packaged"

_WAIT_S_MAX: Final = 300.0
_NOT_YET: Final = frozenset({502, 503, 504})


def main() -> int:
    """Run the proof; 0 when everything holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")
    choice = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        folders = [Path(folder) / name for name in ("seaweed", "node", "cluster")]
        for one in folders:
            one.mkdir()
        failures = asyncio.run(check_all(folders[0], folders[1], folders[2], choice))
    print(f"{failures} failures")
    return 1 if failures else 0


async def check_all(server: Path, node: Path, cluster: Path, choice: random.Random) -> int:
    """Both proofs, each in a part of its own of one bucket; tell how much is wrong."""
    async with running_seaweed(server) as seaweed:
        failures = await survive_the_store(node, seaweed, choice)
        return failures + await survive_an_origin(cluster, seaweed, choice)


async def survive_the_store(data: Path, seaweed: Seaweed, choice: random.Random) -> int:
    """Kill the store in the middle of an ingest, several times."""
    node = Node(data, variables=seaweed.environment("one/"))
    masters = [write_tone(data / f"{n}.wav", seconds=MASTER_S, seed=n) for n in range(4)]
    failures = 0
    node.start()
    try:
        for master in masters:
            ingest = node.start_command("ingest", str(master), "--json")
            await asyncio.sleep(choice.uniform(0.5, 6.0))
            seaweed.kill()
            printed, _ = await asyncio.to_thread(ingest.communicate)
            await seaweed.start()
            told = "taken in" if ingest.returncode == 0 else "refused"
            (track,) = await asyncio.to_thread(node.json_lines, "ingest", str(master))
            played = [await asyncio.to_thread(plays, node, track, name) for name in PROFILES]
            failures += played.count(False)
            print(f"store killed, ingest {told}: {played.count(True)} renditions play")
            failures += ingest.returncode == 0 and track["track_id"] not in printed
    finally:
        node.stop()
    return failures


def plays(node: Node, track: dict[str, Any], rendition: str) -> bool:
    """Tell whether a rendition plays; FLAC must be the master bit by bit."""
    (report,) = node.json_lines("play", track["track_id"], "--rendition", rendition)
    return bool(rendition != "flac" or report["pcm_sha256"] == track["pcm_sha256"])


async def survive_an_origin(folder: Path, seaweed: Seaweed, choice: random.Random) -> int:
    """Ask for everything at once while one of two origins is killed."""
    store = store_tables(folder, seaweed)
    masters = [write_tone(folder / f"{n}.wav", seconds=MASTER_S, seed=n) for n in range(TRACKS)]
    with running_cluster(folder, store, origins=2) as cluster:
        tracks = cluster.ingest(*map(str, masters), "--later")
        wanted = [
            (choice.choice(tracks)["track_id"], choice.choice(list(PROFILES)))
            for _ in range(LISTENERS)
        ]
        begin = time.monotonic()
        async with aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {cluster.token()}"},
            timeout=aiohttp.ClientTimeout(total=60),
        ) as session:
            listening = asyncio.gather(*(listen(session, cluster.edge, *one) for one in wanted))
            await asyncio.sleep(choice.uniform(3.0, 8.0))
            await asyncio.to_thread(cluster.origins[0].kill)
            print("an origin was killed")
            served = await listening
        print(f"{served.count(True)} of {LISTENERS} served in {time.monotonic() - begin:.0f} s")
        return served.count(False) + judge_packaging(cluster, set(wanted))


def store_tables(folder: Path, seaweed: Seaweed) -> str:
    """The `[store]` tables of an origin's TOML; secrets are in files of `folder`."""
    secret, access = folder / "secret-access-key", folder / "access-key-id"
    secret.write_text(seaweed.secret_key)
    access.write_text(seaweed.access_key)
    return (
        "[store]\nkind = 's3'\n[store.s3]\n"
        f"bucket = '{seaweed.bucket}'\nendpoint_url = '{seaweed.endpoint_url}'\n"
        f"prefix = 'two/'\naccess_key_id_file = '{access}'\nsecret_access_key_file = '{secret}'\n"
    )


async def listen(session: aiohttp.ClientSession, edge: str, track_id: str, rendition: str) -> bool:
    """Fetch a rendition whole, waiting as told; tell whether it is what its index says."""
    deadline_s = time.monotonic() + _WAIT_S_MAX
    track = json.loads(await fetch(session, f"{edge}/v1/tracks/{track_id}", deadline_s))
    base = f"{edge}/v1/audio/{track_id}/{track['version']}/{rendition}"
    file = await fetch(session, f"{base}.{PROFILES[rendition].container}", deadline_s)
    index = json.loads(await fetch(session, f"{base}.json", deadline_s))
    return (len(file), hashlib.sha256(file).hexdigest()) == (
        index["bytes"],
        index["sha256"],
    )


async def fetch(session: aiohttp.ClientSession, url: str, deadline_s: float) -> bytes:
    """GET a URL until it is there.

    Raises:
        TimeoutError: it does not come.
        aiohttp.ClientResponseError: it is refused.
    """
    while time.monotonic() < deadline_s:
        async with session.get(url) as response:
            if response.status == 200:
                return await response.read()
            if response.status not in _NOT_YET:
                response.raise_for_status()
            wait_s = float(response.headers.get("Retry-After", "1"))
        await asyncio.sleep(wait_s)
    raise TimeoutError(url)


def judge_packaging(cluster: Cluster, wanted: set[tuple[str, str]]) -> int:
    """Count what was packaged more often than it may be; tell how much is wrong."""
    made: Counter[tuple[str, str]] = Counter()
    for origin in cluster.origins:
        for line in origin.log.read_text().splitlines():
            event = json.loads(line) if line.startswith("{") else {}
            if event.get("event") == PACKAGED:
                made[event["track_id"], event["rendition"]] += 1
    repeated = {one: times for one, times in made.items() if times > 1}
    missing = wanted - made.keys()
    print(
        f"{len(made)} renditions packaged for {len(wanted)} wanted, {len(repeated)} of them twice"
    )
    # The worker pool of the killed origin held so many jobs, each of which may be done again.
    return len(missing) + max(0, len(repeated) - 4) + sum(times > 2 for times in repeated.values())


if __name__ == "__main__":
    sys.exit(main())
