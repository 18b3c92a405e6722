"""Reads traces of others: CSV, and libcachesim's oracleGeneral.

A CSV file has a row for each request with its time, the object's id and its size, as in
`12.5,/a/b,4096`; a first row whose size is no number is a heading. An oracleGeneral file has
records of 24 bytes, little endian: time (32 bits), id (64), size (32), next request for the object
(64).
"""

import csv
import struct
from array import array
from pathlib import Path
from typing import Final

from benchmarks.audio_trace import Trace

_RECORD: Final = struct.Struct("<IQIq")
_RECORDS_AT_ONCE: Final = 4096


def read_trace(path: Path) -> Trace:
    """Read a trace whole; its suffix tells the format: `.csv`, else oracleGeneral.

    An object whose size changes keeps its first one, as libcachesim has it for a hit.

    Raises:
        ValueError: the file is of another format, or cut short.
    """
    trace = _read_csv(path) if path.suffix == ".csv" else _read_oracle_general(path)
    return _with_first_sizes(trace)


def _read_csv(path: Path) -> Trace:
    trace = Trace()
    numbers: dict[str, int] = {}
    with path.open(newline="") as file:
        for row_number, row in enumerate(csv.reader(file)):
            _, name, size = row
            if row_number == 0 and not size.strip().isdigit():
                continue
            trace.object_ids.append(numbers.setdefault(name, len(numbers)))
            trace.sizes.append(int(size))
    return trace


def _read_oracle_general(path: Path) -> Trace:
    trace = Trace()
    with path.open("rb") as file:
        while block := file.read(_RECORD.size * _RECORDS_AT_ONCE):
            if len(block) % _RECORD.size:
                raise ValueError(f"{path} is cut short, or no oracleGeneral file")
            for _, object_id, size_bytes, _ in _RECORD.iter_unpack(block):
                trace.object_ids.append(object_id)
                trace.sizes.append(size_bytes)
    return trace


def _with_first_sizes(trace: Trace) -> Trace:
    first: dict[int, int] = {}
    pairs = zip(trace.object_ids, trace.sizes, strict=True)
    sizes = array("L", (first.setdefault(object_id, size) for object_id, size in pairs))
    return Trace(trace.object_ids, sizes)
