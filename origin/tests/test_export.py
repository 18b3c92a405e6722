from collections.abc import AsyncIterator
from pathlib import Path

import mutagen
import pytest
import soundfile

from drm.adapters.memory_content_keys import MemoryContentKeys
from origin.app import open_library
from origin.errors import NotFoundError
from origin.ingest import IngestOrder
from origin.library import Library
from origin.settings import OriginSettings
from origin.tests.masters import write_master


@pytest.fixture
async def library(tmp_path: Path) -> AsyncIterator[Library]:
    settings = OriginSettings.model_validate(
        {"scratch": tmp_path / "scratch", "store": {"folder": tmp_path / "store"}}
    )
    async with open_library(
        settings, content_keys=MemoryContentKeys(), clock=lambda: 1_700_000_000.0
    ) as opened:
        yield opened


async def ingest(library: Library, tmp_path: Path, **tags: str) -> str:
    master = write_master(tmp_path / "master.flac", seconds=1)
    overrides = {name: [value] for name, value in tags.items()}
    order = IngestOrder(master, overrides=overrides, renditions=())
    async for outcome in library.ingest_all([order]):
        assert outcome.result is not None
        return outcome.result.track_id
    raise AssertionError


async def test_a_track_comes_out_as_it_went_in_with_its_tags(library: Library, tmp_path: Path):
    track_id = await ingest(
        library, tmp_path, title="Der Titel", artist="A", album="Album", tracknumber="3"
    )
    path = await library.export(track_id, "flac", tmp_path)
    assert path.name == "03 Der Titel.flac"
    written, master = soundfile.read(path)[0], soundfile.read(tmp_path / "master.flac")[0]
    assert (written == master).all()
    tags = mutagen.File(path).tags
    assert tags["title"] == ["Der Titel"]
    assert tags["album"] == ["Album"]
    gains = [tags[f"replaygain_{kind}_gain"][0] for kind in ("track", "album")]
    assert all(gain.endswith(" dB") for gain in gains)
    track_db, album_db = (float(gain.removesuffix(" dB")) for gain in gains)
    assert abs(track_db - album_db) < 0.1, "an album of one track is as loud as the track"


@pytest.mark.parametrize(
    ("title", "name"),
    [
        pytest.param("AC/DC: Live?", "AC_DC_ Live_.ogg", id="what no file name holds"),
        pytest.param("...", "{id}.ogg", id="nothing left"),
        pytest.param("x" * 400, f"{'x' * 120}.ogg", id="too long"),
        pytest.param("曲" * 100, f"{'曲' * 66}.ogg", id="too many bytes"),
    ],
)
async def test_the_file_is_named_after_the_track(
    library: Library, tmp_path: Path, title: str, name: str
):
    track_id = await ingest(library, tmp_path, title=title)
    path = await library.export(track_id, "vorbis-96", tmp_path)
    assert path.name == name.format(id=track_id)


async def test_a_file_that_is_there_is_left_alone(library: Library, tmp_path: Path):
    track_id = await ingest(library, tmp_path, title="master")
    before = (tmp_path / "master.flac").read_bytes()
    paths = [await library.export(track_id, "flac", tmp_path) for _ in range(2)]
    assert [path.name for path in paths] == [f"master ({track_id}).flac"] * 2
    assert (tmp_path / "master.flac").read_bytes() == before
    assert mutagen.File(paths[0]).tags["title"] == ["master"]


async def test_a_rendition_that_there_is_not_is_told(library: Library, tmp_path: Path):
    track_id = await ingest(library, tmp_path)
    with pytest.raises(NotFoundError, match="it has flac, aac-320"):
        await library.export(track_id, "mp3-128", tmp_path)
