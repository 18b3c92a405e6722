"""Traces of others, as they are written."""

import struct
from pathlib import Path

import pytest

from benchmarks.trace_files import read_trace


def test_a_csv_file_is_read_with_or_without_a_heading(tmp_path: Path):
    rows = "1,/a,10\n2,/b,20\n3,/a,10\n"
    for text in (rows, "time,object,size\n" + rows):
        path = tmp_path / "trace.csv"
        path.write_text(text)
        trace = read_trace(path)
        assert list(trace.object_ids) == [0, 1, 0]
        assert list(trace.sizes) == [10, 20, 10]


def test_an_oracle_general_file_is_read(tmp_path: Path):
    path = tmp_path / "trace.oracleGeneral.bin"
    records = [(1, 1 << 60, 10, 2), (2, 5, 20, -1), (3, 1 << 60, 99, -1)]
    path.write_bytes(b"".join(struct.pack("<IQIq", *record) for record in records))
    trace = read_trace(path)
    assert list(trace.object_ids) == [1 << 60, 5, 1 << 60]
    assert list(trace.sizes) == [10, 20, 10]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("trace.csv", b"1,/a,10\n2,/b\n", id="a row without a size"),
        pytest.param("trace.csv", b"1,/a,10\n2,/b,x\n", id="a size that is no number"),
        pytest.param("trace.bin", bytes(25), id="a record cut short"),
    ],
)
def test_what_is_no_trace_is_refused(tmp_path: Path, name: str, content: bytes):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=r"."):
        read_trace(tmp_path / name)
