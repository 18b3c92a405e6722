"""libcachesim's policies, to measure ours beside: a tool of the laboratory, under the GPL.

Traces go to it as files of its format oracleGeneral: for each request time, id, size, and the
number of the next request for the same object, which only its Belady needs.
"""

import tempfile
from pathlib import Path
from typing import Any, Final

import libcachesim
import numpy as np
import numpy.typing as npt

from benchmarks.audio_trace import Trace
from benchmarks.replay import Hits

# By the names of their papers. Those that need minutes (W-TinyLFU, Cacheus, GDSF, LHD) were behind
# these on audio, by up to four points.
PEERS: Final[dict[str, Any]] = {
    "LRU": libcachesim.LRU,
    "FIFO": libcachesim.FIFO,
    "CLOCK": libcachesim.Clock,
    "SIEVE": libcachesim.Sieve,
    "SLRU": libcachesim.SLRU,
    "2Q": libcachesim.TwoQ,
    "S3-FIFO": libcachesim.S3FIFO,
    "Clock2Q+": libcachesim.Clock2QPlus,
    "ARC": libcachesim.ARC,
    "LIRS": libcachesim.LIRS,
    "LFUDA": libcachesim.LFUDA,
}

# It knows the future.
CEILING: Final = "Belady"

_RECORD: Final = np.dtype([("time_s", "<u4"), ("id", "<u8"), ("size", "<u4"), ("next", "<i8")])


class PeerTrace:
    """A trace as libcachesim reads it. To be closed."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._folder = tempfile.TemporaryDirectory()
        self._path = Path(self._folder.name) / "trace.oracleGeneral.bin"
        _records_of(trace).tofile(self._path)

    def close(self) -> None:
        """Remove the file."""
        self._folder.cleanup()

    def replay(self, name: str, bytes_max: int) -> Hits:
        """Replay it against a peer, or against the one that knows the future."""
        made = libcachesim.Belady if name == CEILING else PEERS[name]
        reader = libcachesim.TraceReader(
            str(self._path), libcachesim.TraceType.ORACLE_GENERAL_TRACE
        )
        miss_ratio, byte_miss_ratio = made(bytes_max).process_trace(reader)
        requests, total = len(self._trace), self._trace.requested_bytes
        return Hits(
            requests,
            requests - round(miss_ratio * requests),
            total,
            total - round(byte_miss_ratio * total),
        )


def _records_of(trace: Trace) -> npt.NDArray[np.void]:
    records = np.zeros(len(trace), dtype=_RECORD)
    records["id"], records["size"] = trace.object_ids, trace.sizes
    following: dict[int, int] = {}
    nexts = np.full(len(trace), -1, dtype=np.int64)
    for number in range(len(trace) - 1, -1, -1):
        object_id = trace.object_ids[number]
        nexts[number] = following.get(object_id, -1)
        following[object_id] = number
    records["next"] = nexts
    return records
