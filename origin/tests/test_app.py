"""The origin whole: real audio, real workers, real processes that are killed."""

import hashlib
import signal
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import mutagen.flac
import orjson
import pytest

from config.credentials import EDGE_CREDENTIAL_HEADER, Credential
from drm.adapters.memory_content_keys import MemoryContentKeys
from drm.ports import TrackKeys
from origin.adapters.folder_store import open_folder_store
from origin.app import OriginCredentials, OriginService, open_library, open_origin
from origin.errors import StoreReadOnlyError
from origin.library import Library
from origin.settings import OriginSettings
from origin.tests.examples import packaged_names
from origin.tests.masters import write_master
from packager.content_key import ContentKey
from packager.errors import EmptyMasterError, NotAudioError, ScratchError, TornMasterError
from packager.renditions import PROFILES, KeyClass

ROOT = Path(__file__).parents[2]
NOW_S = 1_700_000_000.0
CREDENTIALS = OriginCredentials(operator=Credential.generate(), edge=Credential.generate())
AS_EDGE = {EDGE_CREDENTIAL_HEADER: CREDENTIALS.edge.reveal()}


def settings_in(folder: Path) -> OriginSettings:
    return OriginSettings.model_validate(
        {
            "port": 0,
            "admin_port": 0,
            "scratch": folder / "scratch",
            "store": {"folder": folder / "store"},
            "packager": {"workers": 1, "claim_lease_s": 1.0},
        }
    )


@pytest.fixture
async def library(tmp_path: Path) -> AsyncIterator[Library]:
    async with open_library(
        settings_in(tmp_path), content_keys=MemoryContentKeys(), clock=lambda: NOW_S
    ) as opened:
        yield opened


@pytest.fixture
async def origin(tmp_path: Path) -> AsyncIterator[OriginService]:
    async with open_origin(
        settings_in(tmp_path),
        content_keys=MemoryContentKeys(),
        credentials=CREDENTIALS,
        clock=lambda: NOW_S,
    ) as opened:
        yield opened


def objects_in(store: Path) -> list[str]:
    return sorted(
        path.relative_to(store).as_posix()
        for path in store.rglob("*")
        if path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(store).parts)
    )


@pytest.mark.socket
async def test_a_master_goes_in_and_its_renditions_come_out(origin: OriginService, tmp_path: Path):
    master = write_master(tmp_path / "01 - Ton.wav")
    result = await origin.library.ingest(master, album="Album")
    assert (result.title, result.samples, result.sample_rate_hz) == ("01 - Ton", 13_230, 44_100)
    assert result.renditions == tuple(PROFILES)
    async with aiohttp.ClientSession(origin.url, headers=AS_EDGE) as session:
        async with session.get(f"/v1/tracks/{result.track_id}") as response:
            track = await response.json()
        for rendition in track["renditions"]:
            path = rendition["url"].removeprefix("..")
            async with session.get(f"/v1{path}") as response:
                content = await response.read()
            assert hashlib.sha256(content).hexdigest() == rendition["sha256"]
            exact = round(result.samples * rendition["sample_rate_hz"] / result.sample_rate_hz)
            assert rendition["samples"] == exact
            index_path = rendition["index_url"].removeprefix("..")
            async with session.get(f"/v1{index_path}") as response:
                index = orjson.loads(await response.read())
            assert sum(one["duration"] for one in index["segments"]) == exact
    again = await origin.library.ingest(master)
    assert not again.is_new
    rebuilt = await origin.library.package(result.track_id, "vorbis-160")
    assert [facts.name for facts in rebuilt] == ["vorbis-160"]


@pytest.mark.socket
async def test_the_admin_listener_tells_how_it_is(origin: OriginService):
    async with aiohttp.ClientSession(origin.admin_url) as session:
        async with session.get("/readyz") as response:
            assert response.status == 200
        async with session.get("/metrics") as response:
            assert "origin_jobs_running" in await response.text()


async def test_tags_reach_the_record(library: Library, tmp_path: Path):
    master = write_master(tmp_path / "x.flac")
    file = mutagen.flac.FLAC(master)  # type: ignore[no-untyped-call]
    file["title"] = "Zeile 1\nZeile 2"
    file["artist"] = ["שלום"]
    file["album"] = "\u202eAlbum"
    file.save()
    result = await library.ingest(master)
    (record,) = (await library.tracks()).tracks
    assert (result.title, record.tags.artists, record.tags.album) == (
        "Zeile 1 Zeile 2",
        ("שלום",),
        "Album",
    )


async def test_bad_masters_leave_the_store_as_it_was(library: Library, tmp_path: Path):
    empty = tmp_path / "empty.flac"
    empty.write_bytes(b"")
    text = tmp_path / "text.flac"
    text.write_text("no audio at all\n" * 100)
    whole = write_master(tmp_path / "whole.flac", seconds=0.5).read_bytes()
    torn = tmp_path / "torn.flac"
    torn.write_bytes(whole[: len(whole) * 2 // 3])
    flipped = tmp_path / "flipped.flac"
    flipped.write_bytes(
        whole[: len(whole) // 2]
        + bytes([whole[len(whole) // 2] ^ 0xFF])
        + whole[len(whole) // 2 + 1 :]
    )
    for path, error in (
        (empty, EmptyMasterError),
        (text, NotAudioError),
        (torn, TornMasterError),
        (flipped, TornMasterError),
    ):
        with pytest.raises(error) as raised:
            await library.ingest(path, album="Album")
        assert raised.value.advice
    assert objects_in(tmp_path / "store") == []
    assert not await library.has_tracks()


async def test_a_store_or_scratch_that_cannot_be_is_told(tmp_path: Path):
    (tmp_path / "file").write_text("")
    settings = settings_in(tmp_path)
    for change, error in (
        ({"store": {"folder": tmp_path / "file"}}, StoreReadOnlyError),
        ({"scratch": tmp_path / "file"}, ScratchError),
    ):
        values = {**settings.model_dump(exclude_unset=True), **change}
        with pytest.raises(error):
            async with open_library(
                OriginSettings.model_validate(values),
                content_keys=MemoryContentKeys(),
                clock=lambda: NOW_S,
            ):
                pass


INGEST = """
import asyncio, sys
from pathlib import Path
from origin.app import open_library
from origin.tests.test_app import FixedContentKeys, settings_in

async def main(folder):
    folder = Path(folder)
    async with open_library(
        settings_in(folder), content_keys=FixedContentKeys(), clock=lambda: 0.0
    ) as library:
        print("ready", flush=True)
        result = await library.ingest(folder / "a.flac", album="Album", on_progress=lambda one:
            print(one.stage, flush=True))
        print(result.track_id, result.version, result.is_new, flush=True)

asyncio.run(main(sys.argv[1]))
"""


class FixedContentKeys:
    """The same keys in every process, as drm gives them."""

    async def keys_of_track(self, track_id: str) -> TrackKeys:
        seed = hashlib.sha256(track_id.encode()).digest()
        by_class = {
            key_class: ContentKey(
                uuid.UUID(bytes=hashlib.sha256(seed + key_class.encode()).digest()[:16]),
                hashlib.sha256(key_class.encode() + seed).digest()[:16],
            )
            for key_class in KeyClass
        }
        return TrackKeys(1, by_class)


def start_ingest(folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", INGEST, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("stage", ["publishing", "packaging"])
async def test_a_killed_ingest_leaves_nothing_half_done_and_is_completed(
    tmp_path: Path, stage: str
):
    write_master(tmp_path / "a.flac")
    killed = start_ingest(tmp_path)
    assert killed.stdout is not None
    lines = (line.strip() for line in killed.stdout)
    assert any(line == stage for line in lines)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    async with open_library(
        settings_in(tmp_path), content_keys=FixedContentKeys(), clock=lambda: NOW_S
    ) as library:
        # What the killed one worked on is gone, and what it published is whole.
        assert len(list((tmp_path / "scratch").glob("process-*"))) == 1
        if await library.has_tracks():
            (record,) = (await library.tracks()).tracks
            await library.package(record.track_id)
        await library.ingest(tmp_path / "a.flac", album="Album")
        (record,) = (await library.tracks()).tracks
        assert packaged_names(record) == record.current.ladder
        assert await library.package(record.track_id) == []
    async with open_folder_store(tmp_path / "store") as store:
        for key in objects_in(tmp_path / "store"):
            await store.read(key, size_max=1 << 24)
    check_objects_of_one_track(tmp_path / "store")


def check_objects_of_one_track(store: Path) -> None:
    counts = Counter(key.partition("/")[0] for key in objects_in(store))
    # The first and last samples of a tone may be the same.
    assert counts.pop("contexts") in {1, 2}
    assert counts == {"albums": 1, "masters": 1, "tracks": 1, "renditions": 2 * len(PROFILES)}


async def test_two_processes_that_ingest_one_file_make_one_track(tmp_path: Path):
    write_master(tmp_path / "a.flac")
    both = [start_ingest(tmp_path), start_ingest(tmp_path)]
    results = [process.communicate()[0].splitlines()[-1].split() for process in both]
    assert results[0][:2] == results[1][:2]
    assert sorted(one[2] for one in results) == ["False", "True"]
    check_objects_of_one_track(tmp_path / "store")
    assert list((tmp_path / "scratch").glob("process-*")) == []
