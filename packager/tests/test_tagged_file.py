# mypy: disallow-untyped-calls=False
import shutil
import subprocess
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import av
import imageio_ffmpeg
import mutagen
import numpy as np
import pytest

from packager.boxes import split_boxes
from packager.content_key import ContentKey
from packager.fmp4_reader import FragmentReader
from packager.format_error import FormatError
from packager.jobs import PackagingOrder
from packager.loudness import AlbumLoudness, TrackGain
from packager.packaging import package_rendition
from packager.picture_sources import find_pictures
from packager.renditions import Codec, Container
from packager.sealing import unseal
from packager.seek_index import RenditionFacts
from packager.tag_reader import read_tags
from packager.tag_writer import FileMetadata
from packager.tagged_file import SUFFIXES, ClearRendition, write_tagged_file
from packager.tests.masters import facts_of, music, saved, sound_file
from packager.tests.pictures import jpeg, png, quarters

KEY = ContentKey(uuid.UUID(int=7), bytes(range(16)))
COVER = jpeg(quarters(64, 64))

TAGS: Final[Mapping[str, Sequence[str]]] = {
    "title": ["Títel"],
    "artist": ["A", "B"],
    "album": ["Album"],
    "albumartist": ["Various"],
    "discnumber": ["1"],
    "disctotal": ["2"],
    "tracknumber": ["3"],
    "tracktotal": ["12"],
    "date": ["2001-02-03"],
    "isrc": ["USRC17607839"],
    "titlesort": ["Titel, Der"],
    "composer": ["C", "D"],
    "genre": ["Rock"],
    "copyright": ["2001 L"],
    "label": ["L"],
    "barcode": ["0036000291452"],
    "compilation": ["1"],
    "language": ["deu"],
}
METADATA = FileMetadata(
    tags=TAGS,
    cover=COVER,
    track=TrackGain(integrated_lufs=-14.5, true_peak_dbtp=-1.2),
    album=AlbumLoudness(integrated_lufs=-12.0, true_peak_dbtp=0.3),
)
RENDITIONS = ["flac", "vorbis-160", "aac-160", "opus-24"]
HAS_TOOLS = pytest.mark.skipif(
    not (shutil.which("ffprobe") and shutil.which("flac")), reason="needs Debian's ffmpeg and flac"
)


def order_for(folder: Path, data: bytes, rendition: str) -> PackagingOrder:
    master = saved(folder, data)
    return PackagingOrder(
        master=master,
        facts=facts_of(master),
        rendition=rendition,
        version="0123456789abcdef",
        key=KEY,
        output=folder / f"{rendition}.out",
    )


def clear(order: PackagingOrder, facts: RenditionFacts) -> ClearRendition:
    """What a download unseals and decrypts."""
    data = order.output.read_bytes()
    if facts.container is Container.OGG:
        whole = unseal(KEY.key, bytes.fromhex(facts.iv), 0, data)
        chunks = [whole[start : start + 1000] for start in range(0, len(whole), 1000)]
        return ClearRendition(facts, b"", chunks)
    seek = facts.seek
    reader = FragmentReader(data[seek.init_offset :][: seek.init_bytes], KEY.key)

    def packets() -> Iterator[bytes]:
        for segment in seek.segments:
            part = data[segment.offset : segment.offset + segment.bytes]
            yield from (sample.data for sample in reader.samples(part))

    return ClearRendition(facts, reader.header.config, list(packets()))


@cache
def source_of(rendition: str, folder: Path, rate: int = 44_100) -> ClearRendition:
    order = order_for(folder, sound_file(music(44_137), rate=rate), rendition)
    return clear(order, package_rendition(order, on_progress=lambda _: None))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("packaged")


def written(path: Path, source: ClearRendition, metadata: FileMetadata = METADATA) -> Path:
    file = path / f"file{SUFFIXES[source.facts.codec]}"
    write_tagged_file(file, source, metadata)
    return file


def decoded(path: Path) -> np.ndarray:
    """Interleaved samples, as PyAV decodes them."""
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
    # Planes are rows of their own.
    return np.concatenate([(one.T if one.shape[0] == 2 else one).reshape(-1) for one in frames])


def samples_by_ffmpeg(program: str, path: Path) -> int:
    """Samples that a command line makes of it."""
    sound = subprocess.run(
        [program, "-v", "error", "-i", path, "-map", "0:a", "-f", "s16le", "-"],
        check=True,
        capture_output=True,
    )
    assert sound.stderr == b""
    return len(sound.stdout) // 4


def told_by_ffmpeg(path: Path) -> str:
    """What a command line says of the file."""
    said = subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", path],
        check=False,  # It misses an output.
        capture_output=True,
        text=True,
    )
    return said.stderr


@pytest.mark.parametrize("rendition", RENDITIONS)
def test_a_file_decodes_to_the_exact_length(tmp_path: Path, folder: Path, rendition: str):
    source = source_of(rendition, folder)
    file = written(tmp_path, source)
    assert samples_by_ffmpeg(imageio_ffmpeg.get_ffmpeg_exe(), file) == source.facts.samples


def slack(facts: RenditionFacts) -> int:
    """FFmpeg before 9 leaves the padding of AAC in MP4 at the end; the start is right."""
    return 1023 if facts.codec is Codec.AAC else 0


@pytest.mark.parametrize("rendition", RENDITIONS)
def test_pyav_decodes_to_the_exact_length(tmp_path: Path, folder: Path, rendition: str):
    source = source_of(rendition, folder)
    extra = len(decoded(written(tmp_path, source))) // 2 - source.facts.samples
    assert 0 <= extra <= slack(source.facts)


@HAS_TOOLS
@pytest.mark.parametrize("rendition", RENDITIONS)
def test_an_older_ffmpeg_decodes_to_the_exact_length(tmp_path: Path, folder: Path, rendition: str):
    source = source_of(rendition, folder)
    extra = samples_by_ffmpeg("ffmpeg", written(tmp_path, source)) - source.facts.samples
    assert 0 <= extra <= slack(source.facts)


@pytest.mark.parametrize("rendition", ["aac-160", "opus-24"])
def test_context_is_dropped_as_priming(tmp_path: Path, rendition: str):
    order = order_for(tmp_path, sound_file(music(50_000), rate=48_000), rendition)
    before = tmp_path / "before.f32"
    before.write_bytes(music(4_800, seed=2).astype("<f4").tobytes())
    facts = package_rendition(replace(order, before=before), on_progress=lambda _: None)
    assert facts.priming > 2_048
    file = written(tmp_path, clear(order, facts))
    assert samples_by_ffmpeg(imageio_ffmpeg.get_ffmpeg_exe(), file) == 50_000
    # A shift by a sample would leave little in common.
    middle = slice(20_000, 80_000)
    heard, wanted = decoded(file)[middle], music(50_000).reshape(-1)[middle]
    assert np.corrcoef(heard, wanted)[0, 1] > 0.95


@HAS_TOOLS
def test_flac_is_bit_exact_and_its_checksum_right(tmp_path: Path, folder: Path):
    file = written(tmp_path, source_of("flac", folder))
    subprocess.run(["flac", "-t", "-s", file], check=True)
    wanted = np.frombuffer(sound_file(music(44_137))[44:], "<i2")
    assert np.array_equal(decoded(file), wanted)


@pytest.mark.parametrize("rendition", RENDITIONS)
def test_tags_are_read_back(tmp_path: Path, folder: Path, rendition: str):
    source = source_of(rendition, folder)
    found = read_tags(written(tmp_path, source))
    wanted = {name: list(values) for name, values in TAGS.items()}
    if source.facts.codec is Codec.AAC:
        wanted |= {"discnumber": ["1/2"], "tracknumber": ["3/12"], "compilation": ["True"]}
        del wanted["disctotal"], wanted["tracktotal"]
    assert found == wanted


@pytest.mark.parametrize("rendition", RENDITIONS)
def test_the_cover_is_read_back(tmp_path: Path, folder: Path, rendition: str):
    with written(tmp_path, source_of(rendition, folder)).open("rb") as file:
        (source,) = find_pictures(file)
        assert source.kind == 3
        assert source.read() == COVER


@pytest.mark.parametrize("rendition", ["flac", "vorbis-160", "aac-160"])
def test_ffmpeg_sees_the_gains(tmp_path: Path, folder: Path, rendition: str):
    told = told_by_ffmpeg(written(tmp_path, source_of(rendition, folder)))
    assert "track gain - -3.500000" in told
    assert "album gain - -6.000000" in told


def test_ffmpeg_sees_the_gains_of_aac_as_tags(tmp_path: Path, folder: Path):
    told = told_by_ffmpeg(written(tmp_path, source_of("aac-160", folder)))
    lines = {line.strip().partition(":")[0].strip(): line for line in told.splitlines()}
    assert lines["replaygain_track_gain"].endswith("-3.50 dB")
    assert lines["replaygain_track_peak"].endswith("0.870964")
    assert lines["replaygain_album_gain"].endswith("-6.00 dB")


def test_opus_has_gains_of_its_own(tmp_path: Path, folder: Path):
    tags: Any = mutagen.File(written(tmp_path, source_of("opus-24", folder))).tags
    assert tags["r128_track_gain"] == [str(round(256 * (-23 + 14.5)))]
    assert tags["r128_album_gain"] == [str(256 * -11)]
    assert not [name for name, _ in tags if "replaygain" in name.lower()]


def test_an_m4a_begins_with_its_tables_and_has_the_note_of_itunes(tmp_path: Path, folder: Path):
    source = source_of("aac-160", folder)
    file = written(tmp_path, source)
    boxes = [box.fourcc for box in split_boxes(file.read_bytes())]
    assert boxes == [b"ftyp", b"moov", b"mdat"]
    tags: Any = mutagen.File(file).tags
    note = bytes(tags["----:com.apple.iTunes:iTunSMPB"][0]).decode().split()
    priming, padding, samples = (int(number, 16) for number in note[1:4])
    assert (priming, samples) == (source.facts.priming, source.facts.samples)
    assert (priming + padding + samples) % 1024 == 0
    assert 0 <= padding < 1024


@pytest.mark.parametrize("rendition", RENDITIONS)
def test_a_file_without_anything_to_say_is_whole(tmp_path: Path, folder: Path, rendition: str):
    source = source_of(rendition, folder)
    file = written(tmp_path, source, FileMetadata(tags={}))
    assert read_tags(file) == {}
    assert samples_by_ffmpeg(imageio_ffmpeg.get_ffmpeg_exe(), file) == source.facts.samples


@pytest.mark.parametrize("rendition", RENDITIONS)
def test_equal_arguments_give_equal_files(tmp_path: Path, folder: Path, rendition: str):
    source = source_of(rendition, folder)
    first = written(tmp_path, source).read_bytes()
    assert written(tmp_path, source).read_bytes() == first


@pytest.mark.parametrize("rendition", ["vorbis-160", "aac-160", "opus-24"])
def test_packets_that_are_missing_leave_no_file(tmp_path: Path, folder: Path, rendition: str):
    source = source_of(rendition, folder)
    short = replace(source, packets=list(source.packets)[:10])
    file = tmp_path / "file"
    with pytest.raises(FormatError):
        write_tagged_file(file, short, METADATA)
    assert not file.exists()
    assert list(tmp_path.iterdir()) == []


def test_a_streaminfo_of_another_size_is_refused(tmp_path: Path, folder: Path):
    source = replace(source_of("flac", folder), config=bytes(33))
    with pytest.raises(FormatError, match="33 bytes"):
        write_tagged_file(tmp_path / "file", source, METADATA)


@pytest.mark.parametrize("rendition", RENDITIONS)
def test_texts_of_any_kind_and_a_large_cover_fit(tmp_path: Path, folder: Path, rendition: str):
    cover = png(np.random.default_rng(1).integers(0, 255, (500, 500, 3), np.uint8))
    metadata = FileMetadata({"title": ["x" * 500, "日本語", "a=b"], "genre": []}, cover)
    source = source_of(rendition, folder)
    file = written(tmp_path, source, metadata)
    assert read_tags(file)["title"] == ["x" * 500, "日本語", "a=b"]
    assert samples_by_ffmpeg(imageio_ffmpeg.get_ffmpeg_exe(), file) == source.facts.samples
