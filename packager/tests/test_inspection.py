import hashlib
import io
import itertools
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from packager import errors
from packager.edges import HEAD_NAME, TAIL_NAME
from packager.inspection import inspect_master
from packager.loudness import SILENCE_LUFS
from packager.tests.masters import (
    FRAMES,
    cut,
    facts_of,
    ffmpeg_file,
    music,
    saved,
    sound_file,
    with_speakers,
)


def expected_pcm(data: bytes, *, bits: int) -> str:
    dtype = "int16" if bits == 16 else "int32"
    samples, _ = soundfile.read(io.BytesIO(data), dtype=dtype, always_2d=True)
    return hashlib.sha256(samples.astype("<i2" if bits == 16 else "<i4").tobytes()).hexdigest()


@pytest.mark.parametrize(
    ("form", "subtype", "bits"),
    [
        pytest.param("WAV", "PCM_U8", 16, id="8 bits"),
        pytest.param("WAV", "PCM_16", 16, id="16 bits"),
        pytest.param("WAV", "PCM_24", 24, id="24 bits"),
        pytest.param("FLAC", "PCM_S8", 16, id="8 bits in FLAC"),
        pytest.param("FLAC", "PCM_16", 16, id="16 bits in FLAC"),
        pytest.param("FLAC", "PCM_24", 24, id="24 bits in FLAC"),
        pytest.param("AIFF", "PCM_24", 24, id="24 bits in AIFF"),
    ],
)
def test_the_digest_of_integer_samples_is_that_of_another_decoder(
    tmp_path: Path, form: str, subtype: str, bits: int
):
    data = sound_file(music(), rate=48_000, form=form, subtype=subtype)
    facts = facts_of(saved(tmp_path, data))
    assert facts.pcm_sha256 == expected_pcm(data, bits=bits)
    assert (facts.bits, facts.is_lossless_of_master) == (bits, True)
    assert (facts.sample_rate_hz, facts.channels, facts.samples) == (48_000, 2, FRAMES)
    assert (facts.bytes, facts.sha256) == (len(data), hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(sound_file(music(), subtype="PCM_32"), id="32 bits"),
        pytest.param(sound_file(music(), subtype="FLOAT"), id="float"),
        pytest.param(sound_file(music(), form="OGG", subtype="VORBIS"), id="Vorbis"),
        pytest.param(sound_file(music(), form="MP3", subtype="MPEG_LAYER_III"), id="MP3"),
    ],
)
def test_what_24_bits_cannot_hold_is_dithered_the_same_way_again(tmp_path: Path, data: bytes):
    first, again = (facts_of(saved(tmp_path, data)) for _ in range(2))
    assert first == again
    assert (first.bits, first.is_lossless_of_master) == (24, False)


def test_another_file_with_the_same_samples_is_dithered_otherwise(tmp_path: Path):
    data = sound_file(music(), subtype="FLOAT")
    one = facts_of(saved(tmp_path, data))
    other = facts_of(saved(tmp_path, data + b"JUNK\0\0\0\0"))
    assert one.samples == other.samples
    assert one.pcm_sha256 != other.pcm_sha256


def test_a_depth_of_32_bits_that_the_codec_does_not_tell_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("packager.decode._declared_bits", lambda *_: 24)
    data = sound_file(music(), subtype="PCM_32")
    facts = facts_of(saved(tmp_path, data))
    assert (facts.bits, facts.is_lossless_of_master) == (24, False)


def test_progress_grows_up_to_the_end(tmp_path: Path):
    told: list[float] = []
    data = sound_file(music(200_000))
    inspect_master(saved(tmp_path, data), edges=tmp_path, on_progress=told.append)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)


@pytest.mark.parametrize(
    "name", ["a\nb", "'\"", "\u202eabc", "a b", "%s", "-i", "file:x", "http:", "ü", b"\xff\xfe"]
)
def test_any_name_will_do(tmp_path: Path, name: str | bytes):
    text = os.fsdecode(name)
    facts = facts_of(saved(tmp_path, sound_file(music()), text))
    assert facts.samples == FRAMES


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe", "forbidden name"])
def test_what_is_no_file_is_refused(tmp_path: Path, kind: str):
    path = tmp_path / "master"
    match kind:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "forbidden name":
            path = Path("nul\0byte")
        case _:
            pass  # There is nothing at the path.
    with pytest.raises(errors.MasterUnreadableError):
        facts_of(path)


def test_the_stereo_of_a_padded_master_is_as_loud_as_its_own_channels(tmp_path: Path):
    samples = np.round(music(100_000, 3) * 32_767).astype("<i2")
    inspected = [
        inspect_master(saved(tmp_path, data), edges=tmp_path, on_progress=lambda _: None)
        for data in (with_speakers(samples, 0xB), with_speakers(samples[:, :2], 0x3))
    ]
    padded, stereo = inspected
    assert (padded.facts.channels, stereo.facts.channels) == (6, 2)
    # Low-frequency effects are left out, of the mix as of the loudness.
    assert padded.stereo_loudness is not None
    assert padded.stereo_loudness.integrated_lufs == stereo.loudness.integrated_lufs
    assert padded.loudness.integrated_lufs == stereo.loudness.integrated_lufs


def test_a_torn_master_is_refused(tmp_path: Path):
    with pytest.raises(errors.TornMasterError):
        facts_of(saved(tmp_path, cut(sound_file(music(), form="FLAC"))))


def test_less_than_a_sample_of_the_lossy_renditions_is_refused(tmp_path: Path):
    one = saved(tmp_path, sound_file(np.zeros((1, 1)), rate=192_000))
    with pytest.raises(errors.NoSamplesError):
        facts_of(one)
    other = saved(tmp_path, sound_file(np.zeros((2, 1)), rate=192_000))
    assert facts_of(other).samples == 2


def test_24_bits_of_alac_are_kept(tmp_path: Path):
    data = ffmpeg_file(music(), codec="alac", form="ipod")
    facts = facts_of(saved(tmp_path, data))
    assert (facts.codec, facts.bits, facts.is_lossless_of_master) == ("alac", 24, True)


def test_a_file_that_opens_and_cannot_be_read_is_told(tmp_path: Path):
    with pytest.raises(errors.MasterUnreadableError, match="reading"):
        inspect_master(Path("/proc/self/mem"), edges=tmp_path, on_progress=lambda _: None)


def test_edges_and_loudness_are_those_of_the_samples(tmp_path: Path):
    path = saved(tmp_path, sound_file(music(100_000)))
    inspection = inspect_master(path, edges=tmp_path, on_progress=lambda _: None)
    samples, _ = soundfile.read(path, dtype="float32")
    assert (tmp_path / HEAD_NAME).read_bytes() == samples[:4410].tobytes()
    assert (tmp_path / TAIL_NAME).read_bytes() == samples[-4410:].tobytes()
    assert (inspection.head.frames, inspection.tail.frames) == (4410, 4410)
    assert inspection.stereo_loudness is None
    assert sum(count for _, count in inspection.loudness.blocks) == 19
    assert inspection.loudness.true_peak_dbtp > 20 * np.log10(np.abs(samples).max()) - 0.01


def test_more_than_two_channels_are_measured_as_they_are_and_as_their_stereo(tmp_path: Path):
    path = saved(tmp_path, sound_file(music(50_000, 6)))
    inspection = inspect_master(path, edges=tmp_path, on_progress=lambda _: None)
    assert inspection.stereo_loudness is not None
    assert inspection.stereo_loudness.integrated_lufs > SILENCE_LUFS
    assert inspection.stereo_loudness.integrated_lufs < inspection.loudness.integrated_lufs


def test_a_second_pass_over_a_hidden_depth_measures_as_much_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = saved(tmp_path, sound_file(music(), subtype="PCM_32"))
    expected = inspect_master(path, edges=tmp_path, on_progress=lambda _: None)
    monkeypatch.setattr("packager.decode._declared_bits", lambda *_: 24)
    assert inspect_master(path, edges=tmp_path, on_progress=lambda _: None) == expected


def test_the_fingerprint_is_that_of_the_samples(tmp_path: Path):
    path = saved(tmp_path, sound_file(music(200_000)))
    inspection = inspect_master(path, edges=tmp_path, on_progress=lambda _: None)
    assert len(inspection.fingerprint) == 15


def test_a_master_that_is_written_to_while_it_is_read_is_refused(tmp_path: Path):
    path = saved(tmp_path, sound_file(music(200_000)))
    os.utime(path, ns=(1, 1))

    def overwrite(_: float) -> None:
        with path.open("r+b") as file:
            file.seek(400_000)
            file.write(b"other samples")

    with pytest.raises(errors.MasterChangedError):
        inspect_master(path, edges=tmp_path, on_progress=overwrite)


def test_a_master_whose_name_is_given_to_another_is_inspected_as_it_was_opened(tmp_path: Path):
    data = sound_file(music(200_000))
    path = saved(tmp_path, data)

    def replace(_: float) -> None:
        saved(tmp_path, sound_file(music(seed=2)), "other").replace(path)

    inspection = inspect_master(path, edges=tmp_path, on_progress=replace)
    assert inspection.facts.sha256 == hashlib.sha256(data).hexdigest()
    assert inspection.facts.pcm_sha256 == expected_pcm(data, bits=16)


def test_a_small_file_that_takes_hours_to_decode_is_refused(tmp_path: Path):
    path = saved(tmp_path, sound_file(np.zeros((2_000_000, 1)), form="FLAC"))
    seconds = itertools.count(0, 60)
    with pytest.raises(errors.MasterTooCostlyError, match="too small"):
        inspect_master(
            path, edges=tmp_path, on_progress=lambda _: None, cpu_clock=lambda: next(seconds)
        )


def test_a_large_file_may_take_its_time(tmp_path: Path):
    path = saved(tmp_path, sound_file(music(100_000)))
    path.write_bytes(path.read_bytes() + b"JUNK" + (2_000_000).to_bytes(4, "little"))
    os.truncate(path, path.stat().st_size + 2_000_000)
    times = iter([0.0] + [139.0] * 100)
    inspection = inspect_master(
        path, edges=tmp_path, on_progress=lambda _: None, cpu_clock=lambda: next(times)
    )
    assert inspection.facts.pcm_sha256 == expected_pcm(sound_file(music(100_000)), bits=16)
