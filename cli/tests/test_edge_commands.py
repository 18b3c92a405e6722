"""`attacca purge` and `attacca warm` on a running edge."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from click.testing import CliRunner, Result

from cli.__main__ import main
from config.listener import open_listener
from edge.tests.conftest import OPERATOR, Node, open_node
from edge.tests.scripted_origin import Resource, open_scripted_origin

pytestmark = pytest.mark.socket

TOKEN = "/~eyJhbGciOi.SECRET.c2ln"


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    async with open_scripted_origin() as origin, open_node(origin) as node:
        write_running(tmp_path, node.service.admin_url)
        yield node


def write_running(folder: Path, admin_url: str) -> None:
    (folder / "run").mkdir(exist_ok=True)
    document = {"admin": admin_url, "operator_credential": OPERATOR.reveal()}
    (folder / "run" / "attacca.json").write_text(json.dumps(document))


async def attacca(data: Path, *arguments: str, stdin: str | None = None) -> Result:
    """Run a command beside the edge, which is in this process."""
    command = [*arguments, "--data", str(data)]
    return await asyncio.to_thread(CliRunner().invoke, main, command, input=stdin)


def is_there(file: Path) -> bool:
    return file.exists()


async def is_hit(node: Node, target: str) -> bool:
    return "hit" in (await node.ask(target)).cache_status


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["/a/1"], id="path"),
        pytest.param(["https://any.example/a/1"], id="URL"),
        pytest.param(["--prefix", "/a/"], id="prefix"),
        pytest.param(["--tag", "mine"], id="tag"),
        pytest.param(["--all"], id="all"),
    ],
)
async def test_what_is_purged_is_not_served_again(node: Node, tmp_path: Path, arguments: list[str]):
    node.origin.resources["/a/1"] = Resource(b"old", fields={"Surrogate-Key": "mine"})
    await node.ask("/a/1")
    result = await attacca(tmp_path, "purge", *arguments)
    assert (result.exit_code, result.stdout) == (0, "purged: 1 entry, sequence number 1\n")
    assert not await is_hit(node, "/a/1")
    soft = await attacca(tmp_path, "purge", *arguments, "--soft", "--json")
    assert json.loads(soft.stdout) == {"applied": 1, "sequence": 2, "soft": True}
    assert "fwd=stale; fwd-status=304" in (await node.ask("/a/1")).cache_status


async def test_long_purges_go_in_several_calls(node: Node, tmp_path: Path):
    urls = [f"/{number}" for number in range(1500)]
    result = await attacca(tmp_path, "purge", *urls, "--json")
    assert [json.loads(line) for line in result.stdout.splitlines()] == [
        {"applied": 1000, "sequence": 1, "soft": False},
        {"applied": 500, "sequence": 2, "soft": False},
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param([], id="nothing"),
        pytest.param(["/a", "--all"], id="two kinds"),
        pytest.param(["--tag", "a", "--prefix", "/"], id="two options"),
        pytest.param(["/a", f"x{TOKEN}"], id="no URL"),
        pytest.param(["--prefix", "a"], id="no prefix"),
    ],
)
async def test_one_kind_at_a_time(tmp_path: Path, arguments: list[str]):
    result = await attacca(tmp_path, "purge", *arguments)
    assert result.exit_code == 2
    assert "SECRET" not in result.output


async def test_what_the_edge_refuses_is_told_without_the_token(node: Node, tmp_path: Path):
    result = await attacca(tmp_path, "purge", f"{TOKEN} /v1/a")
    assert result.exit_code == 1
    assert "`urls[0]` is no target" in result.stderr
    assert "SECRET" not in result.output


async def test_a_purge_that_a_crash_might_undo_is_told_as_such(tmp_path: Path):
    async def refuse(_: web.Request) -> web.Response:
        problem = {
            "type": "urn:attacca:problem:purge-not-durable",
            "title": "no folder of the disk tier can keep the purge log",
            "status": 503,
        }
        return web.json_response(problem, status=503)

    app = web.Application()
    app.router.add_post("/admin/purge", refuse)
    async with open_listener(app, host="127.0.0.1", port=0) as url:
        write_running(tmp_path, url)
        result = await attacca(tmp_path, "purge", "/a")
    assert result.exit_code == 1
    assert "is in effect" in result.stderr
    assert "purge again" in result.stderr


@pytest.mark.parametrize("command", [("purge", "/a"), ("warm", "-")])
async def test_without_a_running_edge_it_is_told_what_to_do(
    tmp_path: Path, command: tuple[str, ...]
):
    result = await attacca(tmp_path, *command, stdin="/a\n")
    assert result.exit_code == 1
    assert "--data" in result.stderr
    write_running(tmp_path, "http://127.0.0.1:9")
    result = await attacca(tmp_path, *command, stdin="/a\n")
    assert result.exit_code == 1
    assert "does not answer" in result.stderr


async def test_a_list_is_warmed(node: Node, tmp_path: Path):
    node.origin.resources |= {"/a": Resource(b"a" * 5000), "/b": Resource(b"b")}
    file = tmp_path / "list.txt"
    file.write_text("# charts\n/a\nhttps://any.example/b  # the second\n")
    result = await attacca(tmp_path, "warm", str(file), "--rate", "1GiB/s")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("2 of 2 targets: 2 warmed, 0 warm already, ")
    assert await is_hit(node, "/a")
    assert await is_hit(node, "/b")
    again = await attacca(tmp_path, "warm", "-", "--json", stdin=file.read_text())
    *lines, summary = (json.loads(line) for line in again.stdout.splitlines())
    assert {line["result"] for line in lines} == {"already"}
    assert (summary["already"], summary["bytes"], summary["left"]) == (2, 0, 0)
    assert not is_there(tmp_path / "list.txt.warm-state")  # All is done.


async def test_failures_are_listed_and_tried_again(node: Node, tmp_path: Path):
    node.origin.resources |= {"/a": Resource(b"a"), "/own": Resource(b"b", cache_control="private")}
    file = tmp_path / "list.txt"
    file.write_text("\n".join(["/a", "/own", *(f"/missing/{number}" for number in range(20))]))
    result = await attacca(tmp_path, "warm", str(file))
    assert result.exit_code == 1
    assert "22 of 22 targets: 1 warmed, 0 warm already, 1 not storable, 20 failed" in result.stdout
    assert result.stderr.count("status-404") in {9, 10}
    assert "and 11 more" in result.stderr
    assert "21 targets are not warm" in result.stderr
    asked = len(node.origin.seen)
    await attacca(tmp_path, "warm", str(file))
    assert [one.target for one in node.origin.seen[asked:]].count("/a") == 0
    assert len(node.origin.seen) == asked + 21


async def test_only_a_beginning_may_be_wanted(node: Node, tmp_path: Path):
    node.origin.resources["/a"] = Resource(b"a" * (1 << 20))
    result = await attacca(tmp_path, "warm", "-", "--bytes", "64KiB", "--json", stdin="/a\n")
    assert json.loads(result.stdout.splitlines()[0])["bytes"] == 256 << 10  # Whole slices.
    assert node.origin.content_bytes == 256 << 10


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["-", "--release", "0" * 22],
        ["-", "--rendition", "flac"],
        ["-", "--rate", "fast"],
        ["missing.txt"],
    ],
)
async def test_wrong_use_of_warm(tmp_path: Path, arguments: list[str]):
    assert (await attacca(tmp_path, "warm", *arguments)).exit_code == 2


async def test_a_list_with_another_line_is_refused(node: Node, tmp_path: Path):
    result = await attacca(tmp_path, "warm", "-", stdin=f"/a\nx{TOKEN}\n")
    assert result.exit_code == 1
    assert "line 2 " in result.stderr
    assert "SECRET" not in result.output
    assert not node.origin.seen
