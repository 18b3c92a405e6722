"""What is sent on one connection, and in which pieces."""

import itertools
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from loadtest.lanes.grammar import HOST, HOT, Grammar
from loadtest.lanes.tokens import GOOD

# The last request: its answer ends the connection, so that nothing which follows is missed.
LAST: Final = (
    f"GET /~{GOOD[0]}{HOT[0]}?last HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"
).encode()

# A client's address decides which tokens it may use, and what its refusals add up to.
_CLIENTS: Final = ("127.0.0.1", "127.0.0.2", "127.0.0.9")


@dataclass(frozen=True, slots=True)
class Script:
    """One connection.

    Attributes:
        messages: what is sent, as requests; some of them are none.
        cuts: where the stream of them is cut.
        client: address that they come from.
        wait_s: how much later this is than the script before it.
    """

    messages: tuple[bytes, ...]
    cuts: tuple[int, ...] = ()
    client: str = _CLIENTS[0]
    wait_s: float = 0.0

    def pieces(self) -> list[bytes]:
        """What is sent at a time."""
        stream = b"".join(self.messages)
        places = sorted({0, len(stream), *(cut for cut in self.cuts if cut < len(stream))})
        return [stream[start:stop] for start, stop in itertools.pairwise(places)]


def any_script(grammar: Grammar, chance: random.Random) -> Script:
    """A script with some requests, cut somewhere."""
    count = chance.choices([1, 2, 4, 8, 16, 40], [20, 20, 20, 20, 19, 1])[0]
    is_tame = chance.random() < 0.4  # A request that ends the connection hides what follows.
    messages = [grammar.plain_request() if is_tame else grammar.request() for _ in range(count)]
    if not is_tame and chance.random() < 0.15:
        messages[chance.randrange(count)] = grammar.half_request()
    if chance.random() < 0.8:
        messages.append(LAST)
    if chance.random() < 0.03:
        messages.insert(chance.randrange(len(messages)), b"\r\n")
    size = sum(map(len, messages))
    return Script(
        tuple(messages),
        _cuts(chance, messages, size),
        chance.choice(_CLIENTS),
        chance.choices([0.0, 1.0, 7.0, 100.0], [85, 10, 4, 1])[0],
    )


def _cuts(chance: random.Random, messages: list[bytes], size: int) -> tuple[int, ...]:
    between = list(itertools.accumulate(map(len, messages)))
    if chance.random() < 0.3:  # Content comes in a piece of its own.
        lengths = zip(between, messages, strict=True)
        between += [end - len(one) + one.find(b"\r\n\r\n") + 4 for end, one in lengths]
    match chance.randrange(10):
        case 0:
            return ()
        case 1 | 2 | 3 | 4 | 5 | 6:
            return tuple(between)
        case 7:
            near = (place + chance.choice([-3, -2, -1, 0, 1, 2]) for place in between)
            return tuple(max(place, 0) for place in near)
        case 8 if size < 900:
            return tuple(range(size))
        case _:
            return tuple(chance.randrange(size) for _ in range(chance.randint(1, 6)))


def warm_up() -> Script:
    """Ask for all that is asked for over and over."""
    requests = (
        f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {GOOD[0]}\r\n\r\n".encode()
        for path in HOT
    )
    messages = (*requests, LAST)
    return Script(messages, tuple(itertools.accumulate(map(len, messages))))


def split_scripts(requests: Iterable[bytes]) -> Iterator[Script]:
    """Each request cut at each of its bytes, with a plain one before and behind it."""
    for request in requests:
        for cut in range(1, len(request) + 1):
            yield Script((LAST_BUT_ONE, request, LAST_BUT_ONE, LAST), (len(LAST_BUT_ONE) + cut,))


LAST_BUT_ONE: Final = (
    f"GET /~{GOOD[0]}{HOT[1]} HTTP/1.1\r\nHost: {HOST}\r\nRange: bytes=0-0\r\n\r\n"
).encode()
