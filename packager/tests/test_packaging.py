import contextlib
import hashlib
import io
import uuid
from dataclasses import asdict, replace
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from packager import errors
from packager.content_key import ContentKey, derive_iv
from packager.jobs import PackagingOrder, master_facts_from_json
from packager.loudness import TrackGain
from packager.packaging import package_rendition, serial_of_version
from packager.renditions import PROFILES, Codec, Protection
from packager.sample_rates import rendition_rate_hz, resampled_length
from packager.sealing import unseal
from packager.seek_index import RenditionFacts
from packager.tests.masters import PADDED, facts_of, music, saved, sound_file, with_speakers

KEY = ContentKey(uuid.UUID(int=7), bytes(range(16)))
VERSION = "0123456789abcdef"


def quiet(_: float) -> None:
    """Progress that nobody looks at."""


def order_for(folder: Path, data: bytes, rendition: str) -> PackagingOrder:
    master = saved(folder, data)
    return PackagingOrder(
        master=master,
        facts=facts_of(master),
        rendition=rendition,
        version=VERSION,
        key=KEY,
        output=folder / f"{rendition}.out",
    )


def decoded(path: Path) -> bytes:
    """What FFmpeg, with the key, makes of an encrypted FLAC in MP4: interleaved samples."""
    with av.open(str(path), options={"decryption_key": KEY.key.hex()}) as container:
        frames = list(container.decode(audio=0))
    width = {"s16": 2, "s32": 4}[frames[0].format.name] * frames[0].layout.nb_channels
    return b"".join(bytes(frame.planes[0])[: frame.samples * width] for frame in frames)


RATES = (8_000, 11_025, 22_050, 44_100, 48_000, 88_200, 96_000, 192_000)
SUBTYPES = ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT")
MASTERS = [
    *((rate, "PCM_24", 2) for rate in RATES),
    *((44_100, subtype, 2) for subtype in SUBTYPES),
    *((48_000, "PCM_16", channels) for channels in range(1, 9)),
    (192_000, "PCM_24", 8),
    (8_000, "PCM_U8", 1),
    (96_000, "FLOAT", 6),
    (22_050, "PCM_32", 8),
]


@pytest.mark.parametrize(("rate", "subtype", "channels"), MASTERS)
def test_flac_is_the_master_bit_by_bit(tmp_path: Path, rate: int, subtype: str, channels: int):
    data = sound_file(music(rate // 5 + 7, channels), rate=rate, subtype=subtype)
    order = order_for(tmp_path, data, "flac")
    facts = package_rendition(order, on_progress=quiet)
    assert (facts.sample_rate_hz, facts.channels, facts.bits) == (rate, channels, order.facts.bits)
    assert (facts.samples, facts.priming) == (rate // 5 + 7, 0)
    assert hashlib.sha256(decoded(order.output)).hexdigest() == order.facts.pcm_sha256


DTYPES = ("u1", "i2", "i4", "f4")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("mask", "channels", "layout", "places"), PADDED)
def test_flac_has_the_channels_of_other_layouts_bit_by_bit_and_silence_beside_them(
    tmp_path: Path, mask: int, channels: int, layout: str, places: tuple[int, ...], dtype: str
):
    samples = music(9_007, channels)
    stored = {
        "u1": np.round(samples * 127 + 128).astype("u1"),
        "i2": np.round(samples * 32_767).astype("<i2"),
        "i4": np.round(samples * (1 << 23)).astype("<i4") << 8,
        "f4": samples.astype("<f4"),
    }[dtype]
    order = order_for(tmp_path, with_speakers(stored, mask), "flac")
    facts = package_rendition(order, on_progress=quiet)
    content = decoded(order.output)
    assert hashlib.sha256(content).hexdigest() == order.facts.pcm_sha256
    found = np.frombuffer(content, "<i2" if facts.bits == 16 else "<i4")
    found = found.reshape(-1, facts.channels)
    silent = sorted(set(range(facts.channels)) - set(places))
    assert (facts.samples, len(found)) == (9_007, 9_007)
    assert not found[:, silent].any()
    heard = found[:, places]
    match dtype:
        case "u1":
            assert np.array_equal(heard, (stored.astype("i2") - 128) << 8)
        case "i2":
            assert np.array_equal(heard, stored)
        case _:  # Of 32 bits and of floating point there is a dithered step of 24.
            assert np.abs(heard / 2.0**31 - samples).max() < 2.0**-22


@pytest.mark.parametrize("rendition", ["aac-320", "vorbis-320", "opus-24"])
@pytest.mark.parametrize(("mask", "channels", "layout", "places"), PADDED)
def test_other_layouts_become_stereo_of_the_exact_length(
    tmp_path: Path,
    rendition: str,
    mask: int,
    channels: int,
    layout: str,
    places: tuple[int, ...],
):
    samples = np.round(music(9_007, channels) * 32_767).astype("<i2")
    order = order_for(tmp_path, with_speakers(samples, mask, rate=48_000), rendition)
    facts = package_rendition(order, on_progress=quiet)
    assert (facts.channels, facts.samples) == (2, 9_007)


def test_the_stereo_of_another_layout_is_no_softer_for_its_padding(tmp_path: Path):
    samples = music(30_007, 3)
    data = with_speakers(np.round(samples * 32_767).astype("<i2"), 0xB)  # 2.1
    order = order_for(tmp_path, data, "vorbis-320")
    facts = package_rendition(order, on_progress=quiet)
    heard, _ = soundfile.read(io.BytesIO(unsealed(order, facts)))
    error = heard - samples[:, :2]
    assert (error**2).mean() < (samples**2).mean() / 1000


@pytest.mark.parametrize("rendition", ["aac-160", "vorbis-160", "opus-24"])
@pytest.mark.parametrize(("rate", "subtype", "channels"), MASTERS)
def test_lossy_renditions_have_the_exact_length(
    tmp_path: Path, rendition: str, rate: int, subtype: str, channels: int
):
    frames = rate // 5 + 7
    data = sound_file(music(frames, channels), rate=rate, subtype=subtype)
    order = order_for(tmp_path, data, rendition)
    facts = package_rendition(order, on_progress=quiet)
    lossy_hz = rendition_rate_hz(facts.codec, rate)
    wanted = resampled_length(frames, from_hz=rate, to_hz=lossy_hz)
    assert (facts.sample_rate_hz, facts.channels, facts.bits) == (lossy_hz, min(2, channels), 0)
    assert facts.samples == wanted
    assert sum(segment.duration_samples for segment in facts.seek.segments) == wanted
    if facts.codec is Codec.VORBIS:
        assert len(soundfile.read(io.BytesIO(unsealed(order, facts)), always_2d=True)[0]) == wanted
    else:
        frame, priming = {Codec.AAC: (1024, 1024), Codec.OPUS: (960, 312)}[facts.codec]
        assert len(packets_of(order)) == -(-(wanted + priming) // frame)
        assert facts.priming == priming


def packets_of(order: PackagingOrder) -> list[bytes]:
    with av.open(str(order.output), options={"decryption_key": KEY.key.hex()}) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def unsealed(order: PackagingOrder, facts: RenditionFacts) -> bytes:
    return unseal(KEY.key, bytes.fromhex(facts.iv), 0, order.output.read_bytes())


@pytest.mark.parametrize("rendition", ["flac", "aac-96", "opus-24"])
def test_the_scheme_changes_the_protection_and_nothing_else(tmp_path: Path, rendition: str):
    order = order_for(tmp_path, sound_file(music(100_000)), rendition)
    cbcs = package_rendition(order, on_progress=quiet)
    packets = packets_of(order)
    other = replace(order, scheme=Protection.CENC)
    cenc = package_rendition(other, on_progress=quiet)
    assert (cbcs.protection, cenc.protection) == (Protection.CBCS, Protection.CENC)
    assert cenc.iv == iv_of(cenc).hex()[:16]
    assert cenc.clear_sha256 == cbcs.clear_sha256
    assert cenc.sha256 != cbcs.sha256
    assert packets_of(other) == packets


def test_gain_stands_in_files_with_tags_alone(tmp_path: Path):
    gain = TrackGain(integrated_lufs=-9.5, true_peak_dbtp=-1.0)
    for rendition in ("vorbis-96", "aac-96"):
        order = order_for(tmp_path, sound_file(music()), rendition)
        plain = package_rendition(order, on_progress=quiet)
        gained = package_rendition(replace(order, gain=gain), on_progress=quiet)
        assert (plain == gained) == (rendition == "aac-96")
        assert gained.samples == plain.samples
        if rendition == "vorbis-96":
            ogg = unsealed(order, gained)
            assert b"REPLAYGAIN_TRACK_GAIN=-8.50 dB" in ogg[: gained.seek.init_bytes]
            assert hashlib.sha256(ogg).hexdigest() == gained.clear_sha256
            assert ogg[gained.seek.init_bytes :][:4] == b"OggS"


@pytest.mark.parametrize("rendition", PROFILES)
def test_context_reaches_lossy_files_in_mp4_alone(tmp_path: Path, rendition: str):
    order = order_for(tmp_path, sound_file(music(50_000)), rendition)
    plain = package_rendition(order, on_progress=quiet)
    edge = saved(tmp_path, music(4410, seed=9).astype("<f4").tobytes(), "edge")
    joined = package_rendition(replace(order, before=edge, after=edge), on_progress=quiet)
    context = {Codec.AAC: 2048, Codec.OPUS: 4800}.get(plain.codec, 0)
    assert joined.priming - plain.priming == context
    assert joined.samples == plain.samples
    assert (joined == plain) == (context == 0)


@pytest.mark.parametrize("rendition", PROFILES)
def test_the_facts_are_those_of_the_file(tmp_path: Path, rendition: str):
    told: list[float] = []
    order = order_for(tmp_path, sound_file(music(100_000)), rendition)
    facts = package_rendition(order, on_progress=told.append)
    data = order.output.read_bytes()
    assert (facts.bytes, facts.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert facts.name == rendition
    assert facts.kid == str(KEY.kid)
    assert facts.iv == iv_of(facts).hex()
    assert facts.sha256 != facts.clear_sha256
    last = facts.seek.segments[-1]
    assert last.offset + last.bytes == len(data)
    assert 0 < facts.bitrate_bps == -(-len(data) * 8 * facts.sample_rate_hz // facts.samples)
    assert told == sorted(told)
    assert told[-1] == 1.0


def iv_of(facts: RenditionFacts) -> bytes:
    return derive_iv(
        KEY,
        version=VERSION,
        rendition=facts.name,
        clear_sha256=bytes.fromhex(facts.clear_sha256),
    )


def test_the_digest_of_the_clear_file_is_that_of_the_unsealed_one(tmp_path: Path):
    order = order_for(tmp_path, sound_file(music()), "vorbis-160")
    facts = package_rendition(order, on_progress=quiet)
    ogg = unseal(KEY.key, bytes.fromhex(facts.iv), 0, order.output.read_bytes())
    assert hashlib.sha256(ogg).hexdigest() == facts.clear_sha256
    assert int.from_bytes(ogg[14:18], "little") == serial_of_version(VERSION)


@pytest.mark.parametrize("rendition", PROFILES)
def test_the_same_order_gives_the_same_bytes(tmp_path: Path, rendition: str):
    order = order_for(tmp_path, sound_file(music(50_000), subtype="FLOAT"), rendition)
    first = package_rendition(order, on_progress=quiet)
    again = package_rendition(replace(order, output=tmp_path / "again"), on_progress=quiet)
    assert first == again
    assert order.output.read_bytes() == (tmp_path / "again").read_bytes()


@pytest.mark.parametrize("rendition", PROFILES)
def test_another_version_gives_other_bytes(tmp_path: Path, rendition: str):
    order = order_for(tmp_path, sound_file(music()), rendition)
    first = package_rendition(order, on_progress=quiet)
    other = package_rendition(replace(order, version="f" * 16), on_progress=quiet)
    assert first.iv != other.iv
    assert first.sha256 != other.sha256


@pytest.mark.parametrize("rendition", PROFILES)
def test_a_master_that_has_changed_is_refused(tmp_path: Path, rendition: str):
    order = order_for(tmp_path, sound_file(music(seed=1)), rendition)
    saved(tmp_path, sound_file(music(seed=2)))
    with pytest.raises(errors.MasterChangedError):
        package_rendition(order, on_progress=quiet)
    assert not order.output.exists()


def test_a_master_that_was_torn_since_it_was_inspected_has_changed(tmp_path: Path):
    data = sound_file(music(), form="FLAC")
    order = order_for(tmp_path, data, "flac")
    saved(tmp_path, data[: len(data) // 2].ljust(len(data), b"\0"))
    with pytest.raises(errors.MasterChangedError):
        package_rendition(order, on_progress=quiet)


@pytest.mark.parametrize("fact", ["samples", "pcm_sha256"])
def test_a_master_that_decodes_otherwise_than_before_is_refused(tmp_path: Path, fact: str):
    order = order_for(tmp_path, sound_file(music()), "flac")
    other = {"samples": 999, "pcm_sha256": "00" * 32}[fact]
    order = replace(order, facts=master_facts_from_json({**asdict(order.facts), fact: other}))
    with pytest.raises(errors.MasterChangedError):
        package_rendition(order, on_progress=quiet)


@pytest.mark.parametrize("rendition", PROFILES)
def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, rendition: str):
    order = order_for(tmp_path, sound_file(music()), rendition)
    order = replace(order, output=tmp_path / "missing" / "file")
    with pytest.raises(errors.ScratchError, match="missing"):
        package_rendition(order, on_progress=quiet)


def test_a_master_that_cannot_be_read_is_not_told_as_a_full_disk(tmp_path: Path):
    order = order_for(tmp_path, sound_file(music()), "flac")
    # A regular file of no bytes whose first page cannot be read.
    order = replace(order, master=Path("/proc/self/mem"), facts=replace(order.facts, bytes=0))
    with pytest.raises(errors.MasterUnreadableError, match="reading"):
        package_rendition(order, on_progress=quiet)


def test_an_output_that_cannot_be_written_leaves_nothing(tmp_path: Path):
    order = order_for(tmp_path, sound_file(music()), "flac")
    order.output.symlink_to("/dev/full")
    with pytest.raises(errors.ScratchError, match="space"):
        package_rendition(order, on_progress=quiet)
    assert [path.name for path in tmp_path.iterdir()] == ["master"]


def test_nothing_but_the_output_is_left(tmp_path: Path):
    order = order_for(tmp_path, sound_file(music()), "aac-160")
    package_rendition(order, on_progress=quiet)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["aac-160.out", "master"]


@pytest.mark.parametrize("rendition", PROFILES)
@pytest.mark.parametrize(("frames", "rate"), [(1, 44_100), (2, 192_000), (1, 8_000), (16, 48_000)])
def test_the_shortest_master_has_every_rendition(
    tmp_path: Path, rendition: str, frames: int, rate: int
):
    order = order_for(tmp_path, sound_file(music(frames, 1), rate=rate), rendition)
    facts = package_rendition(order, on_progress=quiet)
    to_hz = rendition_rate_hz(facts.codec, rate)
    assert facts.samples == resampled_length(frames, from_hz=rate, to_hz=to_hz)
    if rendition == "flac":
        digest = hashlib.sha256(decoded(order.output)).hexdigest()
        assert digest == order.facts.pcm_sha256


def test_a_wrong_key_does_not_decode_to_the_master(tmp_path: Path):
    order = order_for(tmp_path, sound_file(music()), "flac")
    package_rendition(order, on_progress=quiet)
    with av.open(str(order.output), options={"decryption_key": "ff" * 16}) as container:
        frames: list[bytes] = []
        with contextlib.suppress(av.FFmpegError):
            frames.extend(bytes(frame.planes[0]) for frame in container.decode(audio=0))
    assert hashlib.sha256(b"".join(frames)).hexdigest() != order.facts.pcm_sha256
