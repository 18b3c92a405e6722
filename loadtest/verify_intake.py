"""Proof: a thousand masters through the ingest API, with everything killed twenty times.

Short masters of mixed kind, some of them broken, are uploaded side by side; meanwhile the whole
tree is killed and started again. At the end every sound master is a track whose renditions are all
there and have the recorded length, every broken one is refused with a reason, and the store holds
nothing else.
"""

import argparse
import asyncio
import base64
import contextlib
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import aiohttp

from loadtest.mixed_masters import MixedMaster, write_mixed_masters
from loadtest.node import Node

_AnswerT = TypeVar("_AnswerT")

_AT_ONCE: Final = 8
_UP_S: Final = (8.0, 40.0)
_POLL_S: Final = 2.0
_DONE: Final = frozenset({"ready", "refused"})
_TUS: Final = {"Tus-Resumable": "1.0.0"}
_CONTENT: Final = {"Content-Type": "application/offset+octet-stream"}
_PLAYED: Final = 20

# What a caller may meet while the tree is down or coming up.
_AWAY: Final = (aiohttp.ClientError, TimeoutError, OSError)


class Tree:
    """The node under test, which may be away at any moment."""

    def __init__(self, data: Path) -> None:
        self.node = Node(data)
        self._data = data

    @property
    def _running(self) -> dict[str, str]:
        running: dict[str, str] = json.loads((self._data / "run" / "attacca.json").read_text())
        return running

    def origin(self) -> str:
        """URL of the origin; another one after each start."""
        return self._running["origin"]

    def headers(self) -> dict[str, str]:
        """Those of the operator."""
        return {**_TUS, "Authorization": f"Bearer {self._running['operator_credential']}"}


def main() -> int:
    """Run the proof; 0 when everything holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--masters", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "masters"
        folder.mkdir()
        masters = list(write_mixed_masters(folder, count=arguments.masters, seed=arguments.seed))
        data = Path(name) / "data"
        failures = asyncio.run(run(data, masters, arguments.kills, random.Random(arguments.seed)))
        failures += count_leftovers(data)
    print(f"{len(masters)} masters, {arguments.kills} kills, {failures} failures")
    return 1 if failures else 0


async def run(data: Path, masters: list[MixedMaster], kills: int, choice: random.Random) -> int:
    """Upload everything while the tree is killed, then judge; tell how much is wrong."""
    tree = Tree(data)
    tree.node.start()
    begin = time.monotonic()
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
            killing = asyncio.create_task(kill_often(tree, kills, choice))
            results = await upload_all(session, tree, masters)
            await killing
            print(f"all are settled after {time.monotonic() - begin:.0f} s")
            return await judge(session, tree, masters, results)
    finally:
        tree.node.stop()


async def kill_often(tree: Tree, kills: int, choice: random.Random) -> None:
    """Kill the whole tree again and again, each time after it has run for a while."""
    for number in range(kills):
        await asyncio.sleep(choice.uniform(*_UP_S))
        await asyncio.to_thread(tree.node.kill)
        await asyncio.to_thread(tree.node.start)
        print(f"killed and started again: {number + 1}")


async def upload_all(
    session: aiohttp.ClientSession, tree: Tree, masters: list[MixedMaster]
) -> list[dict[str, Any]]:
    """Upload some at a time; returns what the API says in the end of each, in their order."""
    places = asyncio.Semaphore(_AT_ONCE)

    async def one(master: MixedMaster) -> dict[str, Any]:
        async with places:
            path = await upload(session, tree, master)
        return await settled(session, tree, path)

    return await asyncio.gather(*(one(master) for master in masters))


async def upload(session: aiohttp.ClientSession, tree: Tree, master: MixedMaster) -> str:
    """Upload one master, resuming as often as it takes; returns the path of its upload."""
    content = master.path.read_bytes()
    name = base64.b64encode(master.path.name.encode()).decode()
    fields = {
        "Upload-Length": str(len(content)),
        "Upload-Metadata": f"filename {name}",
        "Idempotency-Key": master.path.name,
    }

    async def create() -> str:
        url = f"{tree.origin()}/v1/uploads"
        async with session.post(url, headers={**tree.headers(), **fields}) as response:
            response.raise_for_status()
            return "/v1/uploads/" + response.headers["Location"].rstrip("/").rpartition("/")[2]

    path = await persist(create)

    async def append() -> bool:
        url = tree.origin() + path
        async with session.head(url, headers=tree.headers()) as response:
            response.raise_for_status()
            offset = int(response.headers["Upload-Offset"])
        if offset == len(content):
            return True
        headers = {**tree.headers(), **_CONTENT, "Upload-Offset": str(offset)}
        async with session.patch(url, headers=headers, data=content[offset:]) as response:
            response.raise_for_status()
        return False

    while not await persist(append):
        pass
    return path


async def settled(session: aiohttp.ClientSession, tree: Tree, path: str) -> dict[str, Any]:
    """Wait until an upload is a track or refused; returns its document."""

    async def ask() -> dict[str, Any]:
        async with session.get(tree.origin() + path, headers=tree.headers()) as response:
            response.raise_for_status()
            document: dict[str, Any] = await response.json()
            return document

    while True:
        document = await persist(ask)
        if document["state"] in _DONE:
            return document
        await asyncio.sleep(_POLL_S)


async def persist(call: Callable[[], Awaitable[_AnswerT]]) -> _AnswerT:
    """Call until it is answered; whoever answers with an error of its own is asked again too."""
    while True:
        with contextlib.suppress(*_AWAY, ValueError, KeyError):
            return await call()
        await asyncio.sleep(0.5)


async def judge(
    session: aiohttp.ClientSession,
    tree: Tree,
    masters: list[MixedMaster],
    results: list[dict[str, Any]],
) -> int:
    """Tell how much is wrong with what became of the masters."""
    token = (await asyncio.to_thread(tree.node.output, "token")).strip()
    bearer = {"Authorization": f"Bearer {token}"}
    failures = 0
    outcomes: Counter[str] = Counter()
    for master, result in zip(masters, results, strict=True):
        code = "" if result["state"] == "ready" else result["refused"]["code"]
        outcomes[f"{master.kind.split()[0]}: {code or 'ready'}"] += 1
        if (result["state"] == "ready") != master.is_sound:
            print(f"{master.path.name} ({master.kind}): {result}")
            failures += 1
        elif master.is_sound:
            failures += not await is_whole(session, tree.node.edge, bearer, master, result)
    print(dict(sorted(outcomes.items())))
    ready = [result["track_id"] for result in results if result["state"] == "ready"]
    for track_id in random.Random(1).sample(ready, min(_PLAYED, len(ready))):
        for rendition in ("flac", "aac-160", "vorbis-96", "opus-24"):
            await asyncio.to_thread(
                tree.node.json_lines, "play", track_id, "--rendition", rendition
            )
    return failures


async def is_whole(
    session: aiohttp.ClientSession,
    edge: str,
    bearer: dict[str, str],
    master: MixedMaster,
    result: dict[str, Any],
) -> bool:
    """Tell whether a track is visible and all of its renditions are there at their length."""
    async with session.get(f"{edge}/v1/tracks/{result['track_id']}", headers=bearer) as response:
        track = await response.json()
    base = f"{edge}/v1/audio/{track['track_id']}/{track['version']}"
    is_right = master.samples in (0, track["samples"])
    for rendition in track["renditions"]:
        name = f"{rendition['name']}.{rendition['container']}"
        async with session.head(f"{base}/{name}", headers=bearer) as response:
            has_length = response.headers.get("Content-Length") == str(rendition["bytes"])
            is_right = is_right and response.status == 200 and has_length
    if not is_right:
        print(f"{master.path.name}: not whole: {track['track_id']}")
    return is_right


def count_leftovers(data: Path) -> int:
    """Count what lies about once nothing runs: work files, parts, claims, half a rendition."""
    store = data / "store"
    left = [
        *(path for path in (data / "scratch").rglob("*") if path.is_file() and path.name[0] != "."),
        *store.glob("uploads/*/*/*"),
        *(path for path in store.glob("claims/**/*") if path.is_file() and path.name[0] != "."),
    ]
    for record in store.glob("tracks/*.json"):
        left += _wrong_renditions(store, json.loads(record.read_bytes()))
    known = {record.stem for record in store.glob("tracks/*.json")}
    left += [path for path in store.glob("masters/*") if path.name not in known]
    left += [path for path in store.glob("renditions/*") if path.name not in known]
    for path in left[:20]:
        print(f"left over: {path.relative_to(data)}")
    return len(left)


def _wrong_renditions(store: Path, record: dict[str, Any]) -> list[Path]:
    """Files of a track that its record does not name, or whose length it does not name."""
    sizes = {
        f"{version['version']}/{facts['rendition']}.{facts['container']}": facts["bytes"]
        for version in record["versions"]
        for facts in version["renditions"]
    }
    folder = store / "renditions" / record["track_id"]
    return [
        path
        for path in folder.rglob("*.[mo][pg][4g]")
        if path.name[0] != "."
        and sizes.get(f"{path.parent.name}/{path.name}") != path.stat().st_size
    ]


if __name__ == "__main__":
    sys.exit(main())
