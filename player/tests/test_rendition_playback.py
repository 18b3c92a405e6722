import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from packager.content_key import ContentKey
from packager.seek_index import RenditionFacts
from player.errors import DigestMismatchError, UndecodableError, WrongLengthError
from player.range_plan import plan_ranges
from player.rendition_playback import RenditionPlayback
from player.tests.stage import Packaged, Tone


def run(
    facts: RenditionFacts, key: ContentKey | None, data: bytes, *, out: Path | None = None
) -> str:
    with RenditionPlayback.open(facts, key, out) as playback:
        made = [playback.feed(data[one.start : one.stop]) for one in plan_ranges(facts)]
        digest = playback.finish()
    assert sum(made) == facts.samples
    return digest


def test_flac_comes_out_as_it_went_in(tone: Tone, deep_tone: Tone):
    for one in (tone, deep_tone):
        packaged = one.renditions["flac"]
        assert run(packaged.facts, packaged.key, packaged.data) == one.facts.pcm_sha256


def test_every_rendition_has_its_exact_length(packaged: Packaged, tmp_path: Path):
    out = tmp_path / "out.wav"
    run(packaged.facts, packaged.key, packaged.data, out=out)
    assert soundfile.info(out).frames == packaged.facts.samples


def test_every_rung_plays_with_its_neighbours_in_its_priming(ladder: Tone, tmp_path: Path):
    out = tmp_path / "out.wav"
    master, _ = soundfile.read(ladder.path, always_2d=True)
    for packaged in ladder.renditions.values():
        facts = packaged.facts
        assert facts.samples == ladder.facts.samples
        run(facts, packaged.key, packaged.data, out=out)
        decoded, _ = soundfile.read(out, always_2d=True)
        assert decoded.shape == master.shape
        error = np.sqrt(np.mean(np.square(decoded - master)))
        # The noise in the chord is 0.02; the lowest rungs leave it out, and a shift is far more.
        assert error < 0.06, facts.name
    assert ladder.renditions["aac-96"].facts.priming >= 2048
    assert ladder.renditions["opus-24"].facts.priming >= 3840


@pytest.mark.parametrize("name", ["flac", "aac-160"])
def test_a_gain_is_heard_and_leaves_the_digest_alone(tone: Tone, tmp_path: Path, name: str):
    packaged = tone.renditions[name]
    digests, heard = set(), []
    for gain_db in (0.0, -6.0):
        out = tmp_path / f"{gain_db}.wav"
        with RenditionPlayback.open(packaged.facts, packaged.key, out, gain_db=gain_db) as playback:
            playback.feed(packaged.data)
            digests.add(playback.finish())
        heard.append(soundfile.read(out, always_2d=True)[0])
    assert len(digests) == 1
    assert np.abs(heard[1] - heard[0] * 10 ** (-6 / 20)).max() < 2 / 32_768


def test_24_bits_reach_the_file(deep_tone: Tone, tmp_path: Path):
    packaged = deep_tone.renditions["flac"]
    out = tmp_path / "out.wav"
    run(packaged.facts, packaged.key, packaged.data, out=out)
    assert soundfile.info(out).subtype == "PCM_24"
    read, _ = soundfile.read(out, dtype="int32")
    assert hashlib.sha256(read.astype("<i4").tobytes()).hexdigest() == deep_tone.facts.pcm_sha256


@pytest.mark.parametrize("share", [0.001, 0.3, 0.999], ids=["header", "middle", "end"])
def test_an_altered_byte_is_blamed_on_the_file(packaged: Packaged, share: float, tmp_path: Path):
    data = bytearray(packaged.data)
    data[int(share * len(data))] ^= 0x10
    with pytest.raises(DigestMismatchError):
        run(packaged.facts, packaged.key, bytes(data), out=tmp_path / "out.wav")
    assert not list(tmp_path.iterdir())


def test_a_wrong_key_is_told_apart_from_damage(packaged: Packaged):
    wrong = ContentKey(packaged.key.kid, b"not the real key")
    with pytest.raises(UndecodableError, match="unharmed"):
        run(packaged.facts, wrong, packaged.data)


@pytest.mark.parametrize("error", [-1, 1])
def test_another_length_than_recorded_is_an_error_of_its_own(tone: Tone, error: int):
    packaged = tone.renditions["flac"]
    facts = dataclasses.replace(packaged.facts, samples=packaged.facts.samples + error)
    with pytest.raises(WrongLengthError), RenditionPlayback.open(facts, packaged.key, None) as one:
        one.feed(packaged.data)
        one.finish()


def test_a_file_without_its_end_is_not_the_one_on_record(packaged: Packaged):
    with (
        pytest.raises(DigestMismatchError),
        RenditionPlayback.open(packaged.facts, packaged.key, None) as playback,
    ):
        first = plan_ranges(packaged.facts)[0]
        playback.feed(packaged.data[: first.stop])
        playback.finish()


def test_an_ogg_file_on_record_without_its_end_is_undecodable(tone: Tone):
    packaged = tone.renditions["vorbis-160"]
    first = plan_ranges(packaged.facts)[0]
    data = packaged.data[: first.stop]
    facts = dataclasses.replace(
        packaged.facts, bytes=len(data), sha256=hashlib.sha256(data).hexdigest()
    )
    with (
        pytest.raises(UndecodableError),
        RenditionPlayback.open(facts, packaged.key, None) as playback,
    ):
        playback.feed(data)
        playback.finish()
