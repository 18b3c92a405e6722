"""The commands that work on a library: one track, from its ingest to the end of its renditions."""

import json
from pathlib import Path
from typing import Any

import click
import pytest
import soundfile
from click.testing import CliRunner, Result

from cli.__main__ import main
from loadtest.masters import write_tone

UNKNOWN = "0" * 22


class Shop:
    """Commands on one data folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"

    def run(self, *arguments: str) -> Result:
        result = CliRunner().invoke(main, [*arguments, "--data", str(self.data)])
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    def lines(self, *arguments: str) -> list[str]:
        result = self.run(*arguments)
        assert result.exit_code == 0, result.output
        return result.stdout.splitlines()

    def json_line(self, *arguments: str) -> dict[str, Any]:
        (line,) = self.lines(*arguments, "--json")
        found: dict[str, Any] = json.loads(line)
        return found

    def failure(self, *arguments: str) -> str:
        result = self.run(*arguments)
        assert result.exit_code == 1, result.output
        return result.stderr


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def track(shop: Shop) -> dict[str, Any]:
    master = write_tone(shop.folder / "tone.wav", seconds=0.3)
    return shop.json_line("ingest", str(master), "--rendition", "flac")


def file_of(shop: Shop, track: dict[str, Any]) -> Path:
    return shop.data / f"store/renditions/{track['track_id']}/{track['version']}/flac.mp4"


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["words", "JSON"])
def test_a_track_is_exported(
    shop: Shop, track: dict[str, Any], tmp_path: Path, options: tuple[str, ...]
):
    (said,) = shop.lines("export", track["track_id"], "--out", str(tmp_path), *options)
    path = json.loads(said)["path"] if options else said
    assert soundfile.info(path).frames == track["samples"]


def test_what_cannot_be_exported_is_told(shop: Shop, track: dict[str, Any], tmp_path: Path):
    assert "no track has the id" in shop.failure("export", UNKNOWN, "--out", str(tmp_path))


def test_a_track_that_cannot_be_exported_does_not_stop_the_others(
    shop: Shop, track: dict[str, Any], tmp_path: Path
):
    tracks = (UNKNOWN, track["track_id"])
    result = shop.run("export", *tracks, "--out", str(tmp_path), "--json")
    assert result.exit_code == 1
    assert "1 of 2 failed" in result.stderr
    failed, done = [json.loads(line) for line in result.stdout.splitlines()]
    assert (failed["track_id"], failed["failed"]) == (UNKNOWN, "not_found")
    assert Path(done["path"]).exists()


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["words", "JSON"])
def test_a_track_is_taken_down_and_put_back(
    shop: Shop, track: dict[str, Any], options: tuple[str, ...]
):
    track_id = track["track_id"]
    (down,) = shop.lines("takedown", track_id, "--reason", "claim 7", *options)
    (back,) = shop.lines("takedown", track_id, "--undo", *options)
    if options:
        assert [json.loads(one)["taken_down"] for one in (down, back)] == [True, False]
    else:
        assert (down, back) == (f"{track_id} is withheld", f"{track_id} is there again")


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("takedown", UNKNOWN), id="taken down without a reason"),
        pytest.param(("takedown", UNKNOWN, "--reason", " \n"), id="an empty reason"),
        pytest.param(("takedown", UNKNOWN, "--reason", "x", "--undo"), id="down and back"),
        pytest.param(("repackage",), id="repackage nothing"),
        pytest.param(("repackage", UNKNOWN, "--all"), id="one and all"),
    ],
)
def test_wrong_use_is_refused(shop: Shop, arguments: tuple[str, ...]):
    assert shop.run(*arguments).exit_code == click.UsageError.exit_code


def test_a_track_whose_inputs_are_the_same_stays(shop: Shop, track: dict[str, Any]):
    (said,) = shop.lines("repackage", "--all")
    assert said == f"{track['track_id']}  {track['version']} -> stays"
    moved = shop.json_line("repackage", track["track_id"])
    assert moved["former"] == moved["version"] == track["version"]


@pytest.mark.usefixtures("track")
@pytest.mark.parametrize("options", [(), ("--json",)], ids=["words", "JSON"])
def test_a_track_that_cannot_be_moved_is_told_and_counted(shop: Shop, options: tuple[str, ...]):
    result = shop.run("repackage", UNKNOWN, *options)
    assert result.exit_code == 1
    assert "no track has the id" in result.stderr
    assert "1 failed" in result.stderr
    if options:
        assert json.loads(result.stdout)["track_id"] == UNKNOWN


def test_unused_renditions_are_dropped_and_packaged_again(shop: Shop, track: dict[str, Any]):
    path = file_of(shop, track)
    content = path.read_bytes()
    dry = shop.json_line("gc", "--unused-days", "0", "--dry-run")
    assert (dry["dry_run"], path.exists()) == (True, True)
    (said,) = shop.lines("gc", "--unused-days", "0")
    assert said.startswith("dropped ")
    assert said.endswith("objects seen")
    assert not path.exists()
    assert sum(dry["dropped"].values()) > 0
    (made,) = shop.lines("package", track["track_id"], "--rendition", "flac")
    assert made.startswith(f"flac  {len(content)} bytes")
    assert path.read_bytes() == content


def test_nothing_is_dropped_that_is_to_be_kept(shop: Shop, track: dict[str, Any]):
    (said,) = shop.lines("gc")
    assert said.startswith("dropped nothing")
    assert file_of(shop, track).exists()
