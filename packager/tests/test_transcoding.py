"""Joins: one recording, cut at an odd place, and both parts encoded with each other's edges."""

import io
import tempfile
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, cast

import av
import numpy as np
import pytest
import soundfile

from packager.content_key import ContentKey
from packager.encoded_track import EncodedTrack
from packager.errors import ScratchError
from packager.jobs import PackagingOrder
from packager.packet_spool import PacketSpool
from packager.renditions import Codec
from packager.sample_rates import rendition_rate_hz, resampled_length
from packager.tests.feeds import drained, feed_of
from packager.tests.masters import facts_of, music, saved, sound_file
from packager.transcoding import encode_mp4_track, encode_ogg

SEAM = 2048
"""How far from the cut the seam is taken to reach."""


@dataclass(frozen=True)
class Parts:
    """A recording in two masters with their edges, at one rate."""

    rate: int
    whole: np.ndarray
    cut: int
    folder: Path

    def order(self, index: int, rendition: str, *, has_context: bool = True) -> PackagingOrder:
        samples = (self.whole[: self.cut], self.whole[self.cut :])[index]
        data = sound_file(samples, rate=self.rate, subtype="PCM_24")
        master = saved(self.folder, data, f"{index}.wav")
        order = PackagingOrder(
            master=master,
            facts=facts_of(master),
            rendition=rendition,
            version="0123456789abcdef",
            key=ContentKey(uuid.UUID(int=1), bytes(16)),
            output=self.folder / "output",
        )
        if not has_context:
            return order
        edge = self.rate // 10
        if index == 0:
            return replace(order, after=self._edge(self.whole[self.cut : self.cut + edge], "head"))
        return replace(order, before=self._edge(self.whole[self.cut - edge : self.cut], "tail"))

    def _edge(self, samples: np.ndarray, name: str) -> Path:
        return saved(self.folder, samples.astype("<f4").tobytes(), name)

    def reference(self, index: int, codec: Codec) -> np.ndarray:
        """What the part is at the rate of the rendition, as a part of the whole."""
        to_hz = rendition_rate_hz(codec, self.rate)
        # Its first sample is between two of the whole's: resampled from a whole step before it.
        start = 0 if index == 0 else self.cut % (2 * self.rate // 1000)
        skipped = 0 if index == 0 else (self.cut - start) * to_hz // self.rate
        end_padding = self.whole[start:]
        samples = drained(feed_of(end_padding, rate=self.rate, to_hz=to_hz))
        length = self.cut if index == 0 else len(self.whole) - self.cut
        wanted = resampled_length(length, from_hz=self.rate, to_hz=to_hz)
        return samples[skipped : skipped + wanted]


def encoded(order: PackagingOrder) -> tuple[EncodedTrack, PacketSpool]:
    spool = PacketSpool(io.BytesIO())
    with order.master.open("rb") as master:
        return encode_mp4_track(order, master, spool, lambda _: None), spool


def heard(track: EncodedTrack, spool: PacketSpool, decoder: av.AudioCodecContext) -> np.ndarray:
    """What a player hears: all packets decoded, the priming dropped, cut at the exact length."""
    samples = decoded(decoder, spool, track)
    return samples[track.priming : track.priming + track.samples]


def decoder_of(track: EncodedTrack) -> av.AudioCodecContext:
    name = {Codec.OPUS: "libopus"}.get(track.codec, track.codec.value)
    decoder = cast("av.AudioCodecContext", av.CodecContext.create(name, "r"))
    if track.codec is Codec.OPUS:  # With its configuration it would drop the pre-skip by itself.
        decoder.layout = "stereo"
    else:
        decoder.extradata = track.config
    return decoder


def decoded(decoder: av.AudioCodecContext, spool: PacketSpool, track: EncodedTrack) -> np.ndarray:
    frames = [frame for packet in spool.packets() for frame in decoder.decode(av.Packet(packet))]
    arrays: list[np.ndarray] = [
        frame.to_ndarray().T
        if frame.format.is_planar
        else frame.to_ndarray().reshape(-1, track.channels)
        for frame in frames
    ]
    samples = np.concatenate(arrays)
    scale = {"i2": 2.0**15, "i4": 2.0**31}.get(samples.dtype.str[1:], 1.0)
    return samples.astype(np.float64) / scale


def snr_db(found: np.ndarray, wanted: np.ndarray) -> float:
    error = ((found - wanted) ** 2).mean()
    return float(10 * np.log10((wanted**2).mean() / max(error, 1e-30)))


def recording(rate: int) -> np.ndarray:
    """Two seconds that never repeat, with all of their power below any rung's band."""
    time = np.arange(2 * rate)[:, None] / rate
    generator = np.random.default_rng(4)
    whole = np.zeros((2 * rate, 2))
    for pitch in generator.uniform(80, 3_000, 24):
        phases, depth = generator.uniform(0, 2 * np.pi, 2), generator.uniform(1, 4)
        wobble = depth * np.sin(2 * np.pi * generator.uniform(0.5, 3) * time)
        whole += 0.02 * np.sin(2 * np.pi * pitch * time + phases + wobble)
    return whole


def parts_of(rate: int, folder: Path) -> Parts:
    return Parts(rate, recording(rate), rate + 137, folder)


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000, 32_000])
@pytest.mark.parametrize("rendition", ["aac-160", "opus-24"])
def test_a_join_is_as_good_as_the_rest(tmp_path: Path, rendition: str, rate: int):
    parts = parts_of(rate, tmp_path)
    found, wanted, decoder = [], [], None
    for index in (0, 1):
        order = parts.order(index, rendition)
        track, spool = encoded(order)
        # One decoder for both: a player that appends track to track does not start it anew.
        decoder = decoder or decoder_of(track)
        part = heard(track, spool, decoder)
        reference = parts.reference(index, track.codec)
        to_hz = rendition_rate_hz(track.codec, rate)
        frames = order.facts.samples
        assert len(part) == resampled_length(frames, from_hz=rate, to_hz=to_hz)
        assert len(reference) == len(part)
        found.append(part)
        wanted.append(reference)
    cut, joined, whole = len(found[0]), np.concatenate(found), np.concatenate(wanted)
    seam = slice(cut - SEAM, cut + SEAM)
    elsewhere = [
        snr_db(joined[start : start + 2 * SEAM], whole[start : start + 2 * SEAM])
        for start in range(4 * SEAM, len(joined) - 4 * SEAM, SEAM)
        if abs(start + SEAM - cut) > 2 * SEAM
    ]
    assert snr_db(joined[seam], whole[seam]) > np.median(elsewhere) - 2


def test_context_is_what_makes_the_join(tmp_path: Path):
    parts = parts_of(48_000, tmp_path)
    ratios = []
    for has_context in (True, False):
        track, spool = encoded(parts.order(1, "aac-160", has_context=has_context))
        start = heard(track, spool, decoder_of(track))[:1024]
        ratios.append(snr_db(start, parts.reference(1, track.codec)[:1024]))
    assert ratios[0] > ratios[1] + 10


def test_flac_joins_bit_by_bit(tmp_path: Path):
    parts = parts_of(44_100, tmp_path)
    tracks = [encoded(parts.order(index, "flac")) for index in (0, 1)]
    found = [heard(track, spool, decoder_of(track)) for track, spool in tracks]
    whole = np.concatenate(
        [soundfile.read(tmp_path / f"{index}.wav", always_2d=True)[0] for index in (0, 1)]
    )
    assert np.array_equal(np.concatenate(found), whole)


@pytest.mark.parametrize("rate", [44_100, 96_000, 32_000])
def test_vorbis_has_the_exact_length_on_both_sides(tmp_path: Path, rate: int):
    parts = parts_of(rate, tmp_path)
    to_hz = rendition_rate_hz(Codec.VORBIS, rate)
    for index in (0, 1):
        order = parts.order(index, "vorbis-96")
        wanted = resampled_length(order.facts.samples, from_hz=rate, to_hz=to_hz)
        with tempfile.TemporaryFile() as file, order.master.open("rb") as master:
            assert encode_ogg(order, master, cast("BinaryIO", file), lambda _: None) == wanted
            file.seek(0)
            assert len(soundfile.read(file)[0]) == wanted


@pytest.mark.parametrize(
    ("rendition", "channels", "bitrate_bps"),
    [
        ("aac-320", 2, 320_000),
        ("aac-160", 1, 80_000),
        ("opus-24", 2, 24_000),
        ("opus-24", 1, 16_000),
        ("aac-96", 6, 96_000),
    ],
)
def test_the_rate_follows_the_channels(
    tmp_path: Path, rendition: str, channels: int, bitrate_bps: int
):
    data = sound_file(music(5000, channels), rate=48_000)
    master = saved(tmp_path, data)
    order = replace(
        parts_of(8_000, tmp_path).order(0, rendition, has_context=False),
        master=master,
        facts=facts_of(master),
    )
    track, _ = encoded(order)
    assert (track.bitrate_bps, track.channels) == (bitrate_bps, min(channels, 2))


def test_an_edge_of_another_form_is_refused(tmp_path: Path):
    parts = parts_of(8_000, tmp_path)
    edge = saved(tmp_path, bytes(12), "odd")
    with pytest.raises(ScratchError, match="edge"):
        encoded(replace(parts.order(0, "aac-96"), before=edge))
