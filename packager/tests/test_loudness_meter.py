import io
import json
import math
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from packager.inspection import inspect_master
from packager.loudness import SILENCE_DBTP, SILENCE_LUFS, Loudness, album_loudness
from packager.loudness_meter import LoudnessMeter
from packager.pcm import LAYOUTS, FloatBlock
from packager.tests.masters import PADDED, saved, with_speakers

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not here")

BLOCK = 1 << 14

METER = "ebur128=metadata=1:peak=true,ametadata=print:file=-"


def measured(samples: FloatBlock, rate: int = 48_000, layout: str = "") -> Loudness:
    meter = LoudnessMeter(rate, layout or LAYOUTS[samples.shape[1] - 1])
    for start in range(0, len(samples), BLOCK):
        meter.add(samples[start : start + BLOCK])
    return meter.finish()


def judged(samples: FloatBlock, rate: int) -> tuple[float, float, float]:
    """Integrated loudness, range and true peak of the command line."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", subtype="FLOAT")
    return judged_file(file.getvalue())


def judged_file(data: bytes) -> tuple[float, float, float]:
    """The same of a file."""
    said = subprocess.run(
        ["ffmpeg", "-hide_banner", "-nostats", "-i", "-", "-af", METER, "-f", "null", "-"],
        input=data,
        capture_output=True,
        check=True,
    )
    summary = said.stderr.decode().rpartition("Summary:")[2]
    (peak,) = re.findall(r"Peak: +(\S+) dBFS", summary)
    integrated, loudness_range = (
        float(re.findall(rf"lavfi\.r128\.{name}=(\S+)", said.stdout.decode())[-1])
        for name in ("I", "LRA")
    )
    return integrated, loudness_range, float(peak)


def tone(rate: int, seconds: float, *, hz: float = 997.0, level_db: float = -20.0) -> FloatBlock:
    time = np.arange(round(rate * seconds))[:, None] / rate
    mono = 10 ** (level_db / 20) * np.sin(2 * np.pi * hz * time)
    return np.repeat(mono, 2, axis=1).astype(np.float32)


def noise(rate: int, seconds: float, channels: int = 2) -> FloatBlock:
    generator = np.random.default_rng(9)
    return generator.normal(0, 0.08, (round(rate * seconds), channels)).astype(np.float32)


def song(rate: int, seconds: float, channels: int = 2) -> FloatBlock:
    """Beats over a swelling chord, quiet and loud parts, and a pause."""
    time = np.arange(round(rate * seconds))[:, None] / rate
    pitches = np.array([110.0, 220.5, 331.1, 1760.0])[: max(1, channels)]
    chord = sum(np.sin(2 * np.pi * pitch * time) for pitch in pitches)
    beats = np.exp(-12 * (time % 0.5)) * np.sin(2 * np.pi * 60 * time)
    swell = 0.02 + 0.2 * np.sin(2 * np.pi * time / 11) ** 2
    pause = (time % 9) > 1.5
    spread = 1 + 0.2 * np.arange(channels)[None, :] / channels
    return np.asarray((swell * chord + 0.4 * beats) * pause * spread * 0.5, np.float32)


@needs_ffmpeg
@pytest.mark.parametrize(
    ("samples", "rate"),
    [
        pytest.param(tone(48_000, 5), 48_000, id="a tone"),
        pytest.param(tone(44_100, 5, hz=60, level_db=-3), 44_100, id="a low, loud tone"),
        pytest.param(noise(44_100, 5), 44_100, id="noise"),
        pytest.param(noise(8_000, 5, 1), 8_000, id="noise at 8 kHz, mono"),
        pytest.param(song(44_100, 30), 44_100, id="music"),
        pytest.param(song(11_025, 20), 11_025, id="music at 11 kHz"),
        pytest.param(song(96_000, 12), 96_000, id="music at 96 kHz"),
        pytest.param(song(192_000, 6), 192_000, id="music at 192 kHz"),
        pytest.param(song(48_000, 12, 6), 48_000, id="5.1"),
        pytest.param(song(48_000, 12, 8), 48_000, id="7.1"),
        pytest.param(3 * song(48_000, 12), 48_000, id="over full scale"),
    ],
)
def test_loudness_is_that_of_the_command_line(samples: FloatBlock, rate: int):
    loudness = measured(samples, rate)
    integrated, loudness_range, peak = judged(samples, rate)
    assert loudness.integrated_lufs == pytest.approx(integrated, abs=0.05)
    assert loudness.range_lu == pytest.approx(loudness_range, abs=0.1)
    assert loudness.true_peak_dbtp == pytest.approx(peak, abs=0.2)


@needs_ffmpeg
@pytest.mark.parametrize(("mask", "channels", "layout", "places"), PADDED)
def test_padding_does_not_change_the_loudness(
    tmp_path: Path, mask: int, channels: int, layout: str, places: tuple[int, ...]
):
    data = with_speakers(song(48_000, 12, channels), mask, rate=48_000)
    master = saved(tmp_path, data)
    found = inspect_master(master, edges=tmp_path, on_progress=lambda _: None)
    integrated, loudness_range, peak = judged_file(data)
    assert found.loudness.integrated_lufs == pytest.approx(integrated, abs=0.05)
    assert found.loudness.range_lu == pytest.approx(loudness_range, abs=0.1)
    assert found.loudness.true_peak_dbtp == pytest.approx(peak, abs=0.2)


@needs_ffmpeg
def test_the_loudness_of_an_album_is_that_of_its_tracks_in_a_row():
    tracks = [song(44_100, 20), 0.2 * noise(44_100, 12), tone(44_100, 8), 0.01 * noise(44_100, 9)]
    album = album_loudness([measured(track, 44_100) for track in tracks])
    integrated, _, peak = judged(np.concatenate(tracks), 44_100)
    assert album.integrated_lufs == pytest.approx(integrated, abs=0.1)
    assert album.true_peak_dbtp == pytest.approx(peak, abs=0.2)


def test_the_reference_tone_has_the_loudness_that_the_standard_says():
    """A 997 Hz sine of full scale in one channel reads -3.01 LKFS (BS.1770-4 annex 1)."""
    one_sided = tone(48_000, 3, level_db=0) * np.array([[1, 0]], np.float32)
    assert measured(one_sided).integrated_lufs == pytest.approx(-3.01, abs=0.02)


def test_peaks_between_the_samples_are_found():
    """A sine at a quarter of the rate, 45 degrees off: the samples reach 0.707 only."""
    time = np.arange(48_000)[:, None]
    samples = np.sin(np.pi / 2 * time + np.pi / 4).astype(np.float32)
    fade = np.minimum(1, np.minimum(time, time[::-1]) / 1000).astype(np.float32)
    assert measured(samples * fade).true_peak_dbtp == pytest.approx(0.0, abs=0.1)


def test_quiet_peaks_are_as_exact_as_loud_ones():
    loud, quiet = tone(48_000, 1, level_db=0), tone(48_000, 1, level_db=-90)
    assert measured(loud).true_peak_dbtp - measured(quiet).true_peak_dbtp == pytest.approx(90)


@pytest.mark.parametrize("frames", [1, 100, 4800, 19_199])
def test_what_is_shorter_than_a_block_has_a_peak_and_no_loudness(frames: int):
    loudness = measured(np.full((frames, 2), 0.5, np.float32))
    assert (loudness.integrated_lufs, loudness.range_lu, loudness.blocks) == (SILENCE_LUFS, 0, ())
    assert loudness.true_peak_dbtp > -7


@pytest.mark.parametrize("seconds", [0.01, 3.0])
def test_silence_has_numbers_that_json_can_hold(seconds: float):
    loudness = measured(np.zeros((round(48_000 * seconds), 2), np.float32))
    assert loudness == Loudness(SILENCE_LUFS, 0.0, SILENCE_DBTP, ())


@pytest.mark.parametrize("level", [1e-30, 1e30, 3e38])
def test_absurd_levels_have_finite_numbers(level: float):
    loudness = measured(np.full((48_000, 2), level, np.float32) * noise(48_000, 1))
    numbers = (loudness.integrated_lufs, loudness.range_lu, loudness.true_peak_dbtp)
    assert all(math.isfinite(number) for number in numbers)
    json.dumps(loudness.blocks, allow_nan=False)


@pytest.mark.parametrize("layout", ["5.1(side)", "quad(side)", "6.1(back)", "3.0(back)"])
def test_layouts_with_other_surrounds_are_measured(layout: str):
    channels = {"5": 6, "q": 4, "6": 7, "3": 3}[layout[0]]
    assert measured(noise(48_000, 1, channels), layout=layout).integrated_lufs > -30


def test_low_frequency_effects_do_not_count_and_surrounds_count_more():
    def with_one(channel: int) -> float:
        samples = np.zeros((96_000, 6), np.float32)
        samples[:, channel] = tone(48_000, 2)[:, 0]
        return measured(samples).integrated_lufs

    assert with_one(3) == SILENCE_LUFS
    assert with_one(4) - with_one(0) == pytest.approx(1.5, abs=0.02)


def test_digital_silence_after_music_is_silence():
    samples = song(44_100, 30)
    samples[-44_100 * 2 :] = 0
    pause = np.zeros((44_100 * 5, 2), np.float32)
    assert measured(np.concatenate((samples, pause)), 44_100) == measured(samples, 44_100)


def test_each_gating_block_is_counted_once():
    loudness = measured(noise(48_000, 10))
    assert sum(count for _, count in loudness.blocks) == 97


def test_however_the_samples_are_cut_the_loudness_is_the_same(tmp_path: Path):
    samples = song(44_100, 5)
    meter = LoudnessMeter(44_100, "stereo")
    for part in np.split(samples, [1, 2, 700, 5_000, 44_100]):
        meter.add(part)
    assert meter.finish() == measured(samples, 44_100)
