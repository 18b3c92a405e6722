"""Proof: several nodes are one cache, whatever happens to them. Needs root and iproute2.

A PoP of three nodes with two workers each, every node in a network namespace of its own, behind one
origin; nodes reach each other over mutual TLS on wires of their own. Each byte that a listener gets
is checked.

1. Steady state: every node is asked for every slice, all at once; the origin once for each. Before
   that all of them are asked for the beginning of everything.
2. Validation: what expires is validated once for all nodes.
3. Purges under load: when one is acknowledged, nobody serves what is old.
4. A node is killed: its share is served by the others, at once.
5. A node falls silent (both wires pulled): within the deadline others take its place; a purge says
   that it has not reached it, and does as soon as it is back.
6. The wires between nodes are pulled for one node: everybody goes on serving; healed, the node has
   what it has missed.
7. A node leaves and joins, by the settings of the others and SIGHUP, which replaces their workers:
   no request is lost. What is fetched anew while disks change hands is told.
8. The same by the name that stands for all nodes: only its share moves.
"""

import argparse
import asyncio
import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from edge.peers.ownership import Candidate, ranked, span_of
from loadtest.behaviours.origin import Origin, open_origin
from loadtest.behaviours.resource import Resource
from loadtest.pop.certificates import make_certificates
from loadtest.pop.listeners import (
    SLICE_BYTES,
    Tally,
    World,
    ask_for_everything,
    ask_for_slice,
    listening,
    lost,
    slowest_ms,
    statuses,
)
from loadtest.pop.network import (
    OUTSIDE,
    Wire,
    address_of,
    outside_address,
    running_network,
    set_wire,
    write_hosts,
)
from loadtest.pop.node import DEADLINE_S, PEER_PORT, PROBE_S, PopNode

NAMES: Final = ("a", "b", "c")
_FOREVER: Final = "public, max-age=31536000, immutable"
_SHORT_S: Final = 2

# Stepping over takes a probe and a deadline; the machine may be busy, and a listener patient.
STEP_MS_MAX: Final = round(1e3 * (DEADLINE_S + PROBE_S + 1.0))
HEALED_S_MAX: Final = 10.0
_TRIES_MAX: Final = 3
_TOLD_AGAIN_S: Final = 4.0


@dataclass(slots=True)
class Proof:
    """What the parts of the proof work on.

    Attributes:
        origin: behind all nodes.
        nodes: by name.
        world: what there is.
        tally: of all listeners.
        failures: what was not as it should be.
    """

    origin: Origin
    nodes: dict[str, PopNode]
    world: World
    tally: Tally = field(default_factory=Tally)
    failures: list[str] = field(default_factory=list)

    def expect(self, is_so: bool, text: str) -> None:  # noqa: FBT001 - it is the sentence's verb
        """Tell what was found, and note it if it is not as it should be."""
        print(f"  {'ok' if is_so else 'NO'}  {text}", flush=True)
        if not is_so:
            self.failures.append(text)

    def some(self, names: str) -> list[PopNode]:
        """Nodes by their letters."""
        return [self.nodes[name] for name in names]

    def fetched(self) -> Counter[tuple[str, int]]:
        """How often the origin was asked for each slice since it was told to forget."""
        return Counter(
            one for seen in self.origin.seen for one in _slices_of(seen.path, seen.fields)
        )

    def new_versions(self, paths: list[str]) -> None:
        """Change some resources at the origin."""
        for path in paths:
            self.world.resources[path].version += 1


def _slices_of(path: str, fields: object) -> Iterator[tuple[str, int]]:
    assert isinstance(fields, dict)
    value = str(fields.get("range", "")).removeprefix("bytes=")
    first, _, last = value.partition("-")
    if first.isdigit() and last.isdigit():
        for number in range(int(first) // SLICE_BYTES, int(last) // SLICE_BYTES + 1):
            yield path, number


def make_world() -> World:
    """Long and short ones, one of them longer than a span."""
    sizes = {f"/short/{number}": 200_000 for number in range(12)}
    sizes |= {f"/song/{number}": 3_000_000 + number for number in range(10)}
    sizes |= {f"/long/{number}": 20_000_000 + number for number in range(2)}
    return World(
        {
            path: Resource(length, cache_control=_FOREVER, fields=(("Surrogate-Key", "all"),))
            for path, length in sizes.items()
        }
    )


async def steady_state(proof: Proof) -> None:
    """One fetch for each slice, whoever asks."""
    again, text = True, ""
    for _ in range(_TRIES_MAX):
        lost_before = await _times_lost(proof)
        again, text = await _fetch_everything(proof)
        times = await _times_lost(proof) - lost_before
        if not again or not times:
            break
        # On a machine that is too busy, somebody who did not come to answer was taken for dead.
        print(f"  disturbed: owners were taken for dead {times} times; {text}; once more")
        everything = list(proof.world.resources)
        proof.new_versions(everything)
        await proof.nodes["a"].purge({"all": True})
        proof.world.note_purged(everything, list(NAMES))
    proof.expect(not again, text)


async def _times_lost(proof: Proof) -> int:
    found = [await node.peer_requests() for node in proof.some("abc")]
    return int(sum(one.get(f"{hop} lost", 0) for one in found for hop in ("node", "worker")))


async def _fetch_everything(proof: Proof) -> tuple[bool, str]:
    """Ask for everything; tell whether the origin was asked for anything twice, and in words."""
    proof.origin.forget()
    began_s = time.monotonic()
    # First contacts for two parts of what nobody knows yet may both bring a part that is asked for
    # once more just then: that is not the steady state.
    async with asyncio.TaskGroup() as group:
        for path in proof.world.resources:
            for node in proof.some("abc"):
                group.create_task(ask_for_slice(node, proof.world, path, 0, proof.tally))
    for _ in range(2):
        await ask_for_everything(proof.some("abc"), proof.world, proof.tally)
    heard = proof.tally.since(began_s, "abc")
    fetched = proof.fetched()
    again = {one: count for one, count in fetched.items() if count > 1}
    total = sum(resource.length for resource in proof.world.resources.values())
    sent = sum(seen.content_bytes for seen in proof.origin.seen)
    print(f"  {len(heard)} answers {statuses(heard)} in {time.monotonic() - began_s:.1f} s")
    proof.expect(lost(heard) == 0, f"{lost(heard)} requests lost")
    is_wrong = bool(again) or set(fetched) != set(proof.world.slices())
    return is_wrong, (
        f"{len(fetched)} slices, {len(again)} of them asked for more than once at the origin, "
        f"which has sent {sent / total:.3f} of all content"
    )


async def validation(proof: Proof) -> None:
    """What expires is validated once, by its owner."""
    path, resource = "/brief", Resource(100_000, cache_control=f"max-age={_SHORT_S}")
    proof.origin.resources[path] = proof.world.resources[path] = resource
    began_s = time.monotonic()
    proof.origin.forget()
    while time.monotonic() - began_s < 5 * _SHORT_S:
        async with asyncio.TaskGroup() as group:
            for node in proof.some("abc") * 3:
                group.create_task(ask_for_slice(node, proof.world, path, 0, proof.tally))
        await asyncio.sleep(0.05)
    took_s = time.monotonic() - began_s
    seen = proof.origin.requests_for(path)
    asked = len(proof.tally.since(began_s, "abc"))
    most = int(took_s / _SHORT_S) + 1
    proof.expect(
        len(seen) <= most,
        f"{asked} requests in {took_s:.1f} s, fresh for {_SHORT_S} s: the origin was asked "
        f"{len(seen)} times, {sum(one.is_conditional for one in seen)} of them to validate "
        f"(at most {most})",
    )
    del proof.world.resources[path], proof.origin.resources[path]


async def purges(proof: Proof) -> None:
    """When a purge is acknowledged, it is in effect everywhere."""
    rounds: list[tuple[dict[str, object], list[str]]] = [
        ({"urls": ["/song/1", "/short/1"]}, ["/song/1", "/short/1"]),
        ({"prefixes": ["/short/"]}, [path for path in proof.world.resources if "short" in path]),
        ({"tags": ["all"]}, list(proof.world.resources)),
        ({"all": True}, list(proof.world.resources)),
        ({"urls": ["/long/0"], "soft": True}, ["/long/0"]),
    ]
    began_s = time.monotonic()
    took_ms: list[int] = []
    async with listening(proof.some("abc"), proof.world, proof.tally):
        for number, (document, paths) in enumerate(rounds * 2):
            await asyncio.sleep(0.5)
            proof.new_versions(paths)
            asked_s = time.monotonic()
            status, told, done_s = await proof.nodes[NAMES[number % 3]].purge(document)
            proof.world.note_purged(paths, list(NAMES))
            took_ms.append(round(1e3 * (done_s - asked_s)))
            if status != 200:
                proof.expect(False, f"a purge was answered {status}: {json.dumps(told)}")  # noqa: FBT003
            for node in proof.some("abc") * 2:
                await ask_for_slice(node, proof.world, paths[0], 0, proof.tally)
    heard = proof.tally.since(began_s, "abc")
    proof.expect(
        lost(heard) == 0,
        f"{len(took_ms)} purges under {len(heard)} requests, each in effect on 6 workers in "
        f"{min(took_ms)} to {max(took_ms)} ms; {lost(heard)} requests lost",
    )


async def dead_node(proof: Proof) -> None:
    """A node is killed, and comes back."""
    others = proof.some("ab")
    async with listening(others, proof.world, proof.tally):
        await asyncio.sleep(1)
        killed_s = time.monotonic()
        proof.nodes["c"].kill()
        await asyncio.sleep(4)
        heard = proof.tally.since(killed_s - 1, "ab")
        proof.expect(
            lost(heard) == 0 and slowest_ms(heard) <= STEP_MS_MAX,
            f"killed: of {len(heard)} requests to the others {lost(heard)} were lost, the slowest "
            f"took {slowest_ms(heard)} ms",
        )
        started_s = time.monotonic()
        proof.nodes["c"].start()
        await proof.nodes["c"].wait_until_up(2)
        for node in others:
            await node.wait_until_up(2)
        back_s = time.monotonic() - started_s
    proof.expect(True, f"back among the others {back_s:.1f} s after its start")  # noqa: FBT003
    await ask_for_everything(proof.some("c"), proof.world, proof.tally)


async def silent_node(proof: Proof) -> None:
    """A node is cut off altogether, and comes back."""
    others, paths = proof.some("ab"), ["/song/2", "/long/1"]
    async with listening(others, proof.world, proof.tally):
        await asyncio.sleep(1)
        cut_s = time.monotonic()
        for wire in Wire:
            set_wire("c", wire, is_up=False)
        await asyncio.sleep(4)
        heard = proof.tally.since(cut_s - 1, "ab")
        proof.expect(
            lost(heard) == 0 and slowest_ms(heard) <= STEP_MS_MAX,
            f"silent: of {len(heard)} requests to the others {lost(heard)} were lost, the slowest "
            f"took {slowest_ms(heard)} ms (deadline {DEADLINE_S} s, looked for every {PROBE_S} s)",
        )
        proof.new_versions(paths)
        asked_s = time.monotonic()
        status, told, done_s = await proof.nodes["a"].purge({"urls": paths})
        proof.world.note_purged(paths, ["a", "b"])
        proof.expect(
            status == 502 and list(told.get("failed", {})) == ["c"],
            f"a purge meanwhile: {status} after {done_s - asked_s:.1f} s, failed on "
            f"{', '.join(told.get('failed', {}))}",
        )
        healed_s = time.monotonic()
        for wire in Wire:
            set_wire("c", wire, is_up=True)
        await _wait_for_new(proof, "c", paths, since_s=healed_s)


async def _wait_for_new(proof: Proof, name: str, paths: list[str], *, since_s: float) -> None:
    """Wait until a node serves nothing old any more, and expect that of it from then on."""
    node = proof.nodes[name]
    strict = World(proof.world.resources)
    strict.note_purged(paths, [name])
    while time.monotonic() - since_s < HEALED_S_MAX:
        quiet = Tally(is_quiet=True)
        for path in paths * 3:
            await ask_for_slice(node, strict, path, 0, quiet)
        if not quiet.wrong and not lost(quiet.heard):
            break
        await asyncio.sleep(0.05)
    took_s = time.monotonic() - since_s
    proof.expect(took_s < HEALED_S_MAX, f"{name} has what it has missed {took_s:.1f} s after that")
    proof.world.note_purged(paths, [name])
    # The purge is told to all once more. Who reads what is purged may be cut off, and is not lost.
    await asyncio.sleep(_TOLD_AGAIN_S)


async def partition(proof: Proof) -> None:
    """The wires between nodes are pulled for one; the world still reaches it."""
    paths = ["/song/3", "/short/3"]
    async with listening(proof.some("abc"), proof.world, proof.tally):
        await asyncio.sleep(1)
        cut_s = time.monotonic()
        set_wire("c", Wire.PEERS, is_up=False)
        await asyncio.sleep(4)
        heard = proof.tally.since(cut_s - 1, "abc")
        proof.expect(
            # The lonely one may find one owner after the other silent.
            lost(heard) == 0 and slowest_ms(heard) <= STEP_MS_MAX + round(1e3 * DEADLINE_S),
            f"partition: of {len(heard)} requests to all three {lost(heard)} were lost, the "
            f"slowest took {slowest_ms(heard)} ms",
        )
        proof.new_versions(paths)
        status, told, _ = await proof.nodes["c"].purge({"urls": paths})
        proof.world.note_purged(paths, ["c"])
        proof.expect(
            status == 502 and sorted(told.get("failed", {})) == ["a", "b"],
            f"a purge at the lonely one: {status}, failed on {', '.join(told.get('failed', {}))}",
        )
        healed_s = time.monotonic()
        set_wire("c", Wire.PEERS, is_up=True)
        for node in proof.some("abc"):
            await node.wait_until_up(2)
        print(f"  all see each other {time.monotonic() - healed_s:.1f} s after it was healed")
        async with asyncio.TaskGroup() as group:
            for name in "ab":
                group.create_task(_wait_for_new(proof, name, paths, since_s=healed_s))


async def reloads(proof: Proof) -> None:
    """A node goes from the settings of the others, and comes back to them."""
    await ask_for_everything(proof.some("abc"), proof.world, proof.tally)

    def settle(names: str) -> None:
        for node in proof.some("ab"):
            node.configure(names)
            node.reload()

    await _leave_and_join(proof, {name: name for name in NAMES}, settle, are_replaced=True)


async def leave_and_join(proof: Proof) -> None:
    """A node goes from the name that stands for all nodes, and comes back to it."""
    for name, node in proof.nodes.items():
        await asyncio.to_thread(node.stop)
        write_hosts(name, NAMES)
        node.configure(())
        node.start()
    for node in proof.some("abc"):
        await node.wait_until_up(2)
    await ask_for_everything(proof.some("abc"), proof.world, proof.tally)

    def settle(names: str) -> None:
        for name in NAMES:
            write_hosts(name, names)

    addresses = {f"{address_of(name, Wire.PEERS)}:{PEER_PORT}": name for name in NAMES}
    await _leave_and_join(proof, addresses, settle, are_replaced=False)


async def _leave_and_join(
    proof: Proof,
    known_as: Mapping[str, str],
    settle: Callable[[str], None],
    *,
    are_replaced: bool,
) -> None:
    """Have the node "c" leave and join while the others are asked.

    Args:
        proof: what it is part of.
        known_as: names of nodes by what they call each other.
        settle: tells nodes who there is.
        are_replaced: workers are, by that.
    """
    owners = {
        (path, number): known_as[
            ranked(map(Candidate, known_as), path, span_of(number * SLICE_BYTES))[0]
        ]
        for path, number in proof.world.slices()
    }
    share = [one for one, owner in owners.items() if owner == "c"]
    for names, verb in (("ab", "left"), ("abc", "joined")):
        proof.origin.forget()
        began_s = time.monotonic()
        async with listening(proof.some("ab"), proof.world, proof.tally):
            settle(names)
            for node in proof.some("ab"):
                await node.wait_until_up(len(names) - 1)
            took_s = time.monotonic() - began_s
            await ask_for_everything(proof.some("ab"), proof.world, proof.tally)
        heard = proof.tally.since(began_s, "ab")
        fetched = proof.fetched()
        others = [one for one in fetched if owners[one] != "c"]
        proof.expect(
            lost(heard) == 0,
            f"c has {verb}, known to all after {took_s:.1f} s: {lost(heard)} of {len(heard)} "
            f"requests lost, the slowest took {slowest_ms(heard)} ms",
        )
        moved = (
            f"its share is {len(share)} of {len(owners)} slices; {len(fetched)} were fetched anew, "
            f"{len(others)} of them not of its share"
        )
        if are_replaced:
            print(f"  {moved}")
        else:
            proof.expect(not others, moved)


_PARTS: Final[dict[str, Callable[[Proof], Awaitable[None]]]] = {
    "steady state": steady_state,
    "validation": validation,
    "purges": purges,
    "a dead node": dead_node,
    "a silent node": silent_node,
    "partition": partition,
    "reloads": reloads,
    "leave and join": leave_and_join,
}


async def prove(folder: Path, parts: list[str]) -> int:
    """Run the parts of the proof; return the exit status."""
    make_certificates(folder, list(NAMES), now=dt.datetime.now(dt.UTC))
    async with open_origin(host=outside_address()) as origin:
        nodes = {name: PopNode(name, folder, origin.url) for name in NAMES}
        proof = Proof(origin, nodes, make_world())
        origin.resources.update(proof.world.resources)
        with _running(nodes):
            began_s = time.monotonic()
            for node in nodes.values():
                await node.wait_until_up(2)
            print(f"three nodes see each other {time.monotonic() - began_s:.1f} s after the start")
            for name, part in _PARTS.items():
                if not parts or name in parts:
                    print(f"{name}:", flush=True)
                    await part(proof)
        await asyncio.sleep(0.2)  # Their connections to the origin have come to their end.
        tally = proof.tally
        wrong, checked = len(tally.wrong), tally.content_bytes / 1e9
        proof.expect(not wrong, f"{len(tally.heard)} answers, {checked:.2f} GB: {wrong} wrong")
    print("PROVED" if not proof.failures else f"FAILED: {len(proof.failures)}")
    return int(bool(proof.failures))


@contextmanager
def _running(nodes: dict[str, PopNode]) -> Iterator[None]:
    with ExitStack() as stack:
        for node in nodes.values():
            node.configure(NAMES)
            stack.callback(node.stop)
            node.start()
        yield


def main() -> int:
    """Run the proof in namespaces of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    parser.add_argument("--part", action="append", default=[], choices=list(_PARTS))
    options = parser.parse_args()
    if options.inside:
        return asyncio.run(prove(Path(options.inside), options.part))
    if os.geteuid() != 0:
        print("this proof makes network namespaces: run it as root", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="pop") as folder, running_network(NAMES):
        parts = [text for part in options.part for text in ("--part", part)]
        command = [sys.executable, "-m", "loadtest.verify_pop", "--inside", folder, *parts]
        return subprocess.run(["ip", "netns", "exec", OUTSIDE, *command], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
