"""What the edge needs from the world. Adapters live in `edge.adapters`."""

from collections.abc import AsyncIterable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from multidict import CIMultiDictProxy

from edge.fields import Fields

_EntryT = TypeVar("_EntryT")


OnInterim = Callable[[int, CIMultiDictProxy[str]], None]


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """A request as it goes upstream.

    Attributes:
        method: GET, HEAD or another.
        target: path and query, to be sent byte for byte.
        fields: all fields but `Host` and those of the connection.
        content: the listener's content, if any; its `Content-Length` is among the fields or it
            goes chunked.
        on_interim: told of interim responses, with status and fields, as they arrive.
    """

    method: str
    target: str
    fields: Fields
    content: AsyncIterable[bytes] | None = None
    on_interim: OnInterim | None = None


class UpstreamAnswer(Protocol):
    """An answer whose head has arrived. It has to be read to its end or closed."""

    @property
    def status(self) -> int:
        """Of the final response."""
        ...

    @property
    def headers(self) -> CIMultiDictProxy[str]:
        """Its fields, content codings untouched."""
        ...

    @property
    def request_s(self) -> float:
        """When the request left, in seconds since the epoch."""
        ...

    @property
    def response_s(self) -> float:
        """When the head had arrived, in seconds since the epoch."""
        ...

    @property
    def detail(self) -> str | None:
        """How it was met, if the upstream is a cache of ours that tells."""
        return None

    async def read_some(self) -> bytes:
        """The next bytes of the content, as they arrive; nothing at its proper end.

        Raises:
            UpstreamError: the upstream stalls, or the content ends before its end.
        """
        ...

    def close(self) -> None:
        """Give the answer up; bytes still to come are not read."""
        ...


class Upstream(Protocol):
    """A server behind the edge."""

    async def send(self, request: UpstreamRequest) -> UpstreamAnswer:
        """Send a request and wait for the head of its answer.

        Raises:
            UpstreamError: there is no answer, or not in time.
        """
        ...


class EvictionPolicy(Protocol[_EntryT]):
    """Chooses what a tier of bounded size forgets. Entries are compared by identity or hash."""

    @property
    def bytes(self) -> int:
        """What all kept entries take."""
        ...

    def get(self, entry: _EntryT) -> None:
        """Note that a kept entry was asked for. It must not allocate: it is part of every hit."""
        ...

    def put(self, entry: _EntryT, size_bytes: int) -> Sequence[_EntryT]:
        """Keep an entry; return the victims, which may include itself.

        An entry above the bound is its own only victim. One that is kept already counts anew.
        """
        ...

    def remove(self, entry: _EntryT) -> None:
        """Forget an entry, if it is kept."""
        ...

    def shrink_to(self, bytes_max: int) -> Sequence[_EntryT]:
        """Evict until all kept entries take at most so many bytes; return the victims.

        The bound for later entries stays: this is for room that is wanted now, by content that is
        evicted and still being sent, or because a disk is full.
        """
        ...

    def __len__(self) -> int:
        """How many entries are kept."""
        ...
