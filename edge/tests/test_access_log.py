"""The access log of a node: when its lines are written, and where to."""

import asyncio
import logging
import os
from pathlib import Path

import orjson
import pytest

from config.settings import SettingsError
from edge.access_log import open_access_log
from edge.metrics import EdgeCounts
from edge.tests.conftest import open_client, open_node
from edge.tests.scripted_origin import Resource, ScriptedOrigin
from edge.tests.test_access_line import line_of


async def read_lines(path: Path, count: int) -> list[dict[str, object]]:
    """The lines of a log, as soon as there are `count`."""
    async with asyncio.timeout(10):
        while len(written := _read(path)) < count:  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.005)
    return written


def _read(path: Path) -> list[dict[str, object]]:
    whole, _, _ = path.read_bytes().rpartition(b"\n")  # A reader may see half of a large write.
    return [orjson.loads(line) for line in whole.splitlines()]


async def test_lines_are_written_while_it_runs(tmp_path: Path):
    path, counts = tmp_path / "access.log", EdgeCounts()
    async with open_access_log(str(path), counts) as log:
        assert log.is_on
        log.note(line_of(path="/a"))
        assert path.read_bytes() == b""
        (line,) = await read_lines(path, 1)
        assert line["path"] == "/a"
        for number in range(5000):
            log.note(line_of(path=f"/{number}"))
        lines = await read_lines(path, 5001)
        assert [line["path"] for line in lines[1:]] == [f"/{number}" for number in range(5000)]
    assert (counts.log_lines, counts.log_lines_dropped) == (5001, 0)


async def test_the_last_lines_are_written_at_the_end(tmp_path: Path):
    path = tmp_path / "access.log"
    async with open_access_log(str(path), EdgeCounts()) as log:
        for _ in range(1000):
            log.note(line_of())
    assert path.read_bytes().count(b"\n") == 1000


async def test_what_cannot_be_formatted_does_not_end_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    path = tmp_path / "access.log"
    async with open_access_log(str(path), EdgeCounts()) as log:
        log.note("\ud800")
        async with asyncio.timeout(10):
            while "UnicodeEncodeError" not in caplog.text:  # noqa: ASYNC110 - nobody is told
                await asyncio.sleep(0.005)
        log.note(line_of(path="/a"))
        (line,) = await read_lines(path, 1)
    assert line["path"] == "/a"


async def test_it_goes_on_in_a_new_file(tmp_path: Path):
    path = tmp_path / "access.log"
    async with open_access_log(str(path), EdgeCounts()) as log:
        log.note(line_of(path="/old"))
        await read_lines(path, 1)
        path.rename(tmp_path / "access.log.1")
        log.note(line_of(path="/between"))
        log.reopen()
        log.note(line_of(path="/new"))
    assert [line["path"] for line in await read_lines(path, 1)] == ["/new"]
    old = await read_lines(tmp_path / "access.log.1", 2)
    assert [line["path"] for line in old] == ["/old", "/between"]


async def test_what_cannot_be_written_is_counted():
    counts = EdgeCounts()
    async with open_access_log("/dev/full", counts) as log:
        log.note(line_of())
        log.note(line_of())
    assert (counts.log_lines, counts.log_lines_dropped) == (2, 2)


@pytest.mark.parametrize("destination", ["off", "stderr"])
async def test_it_may_be_off(
    destination: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.WARNING, logger="edge.access")
    counts = EdgeCounts()
    async with open_access_log(destination, counts) as log:
        assert not log.is_on
        log.note(line_of())
    assert capfd.readouterr() == ("", "")
    assert counts.log_lines == 0


@pytest.mark.parametrize("destination", ["-", "stderr"])
async def test_it_may_go_to_a_stream(
    destination: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    async with open_access_log(destination, EdgeCounts()) as log:
        log.note(line_of())
    written = capfd.readouterr()
    assert orjson.loads(written.out if destination == "-" else written.err)["path"] == "/a"
    assert not (written.err if destination == "-" else written.out)


async def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path):
    with pytest.raises(SettingsError, match="access_log"):
        async with open_access_log(str(tmp_path / "none" / "access.log"), EdgeCounts()):
            pass
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with pytest.raises(SettingsError, match="access_log"):  # Nobody reads it.
        async with open_access_log(str(fifo), EdgeCounts()):
            pass


@pytest.mark.socket
async def test_a_node_notes_its_requests(origin: ScriptedOrigin, tmp_path: Path):
    origin.resources["/a"] = Resource(b"content")
    path = tmp_path / "access.log"
    async with open_node(origin, access_log=str(path)) as node:
        await node.ask("/a?secret")
        await node.range("/a?secret", "0-2")
        await node.ask("/none", method="HEAD")
        async with open_client(node.service.admin_url) as admin:
            await read_lines(path, 3)
            metrics = (await admin.ask("/metrics")).content.decode()
    first, second, third = await read_lines(path, 3)
    assert "secret" not in path.read_text()
    told = ("method", "path", "status", "result", "content_bytes", "client")
    assert [first[name] for name in told] == ["GET", "/a", 200, "uri-miss", 7, "127.0.0.1"]
    assert [second[name] for name in (*told, "range")] == [
        *("GET", "/a", 206, "hit", 3, "127.0.0.1"),
        "bytes=0-2",
    ]
    assert [third[name] for name in told] == ["HEAD", "/none", 404, "uri-miss", 0, "127.0.0.1"]
    assert str(first["timestamp"]).startswith("2023-11-14T22:13:20")
    assert "edge_access_log_lines_total 3.0" in metrics
    assert "edge_access_log_lines_dropped_total 0.0" in metrics
