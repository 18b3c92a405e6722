import dataclasses

import numpy as np
import pytest
import soundfile

from player.decoder import DecodingError, PacketDecoder, PcmFormat, pcm_format_of
from player.packets import open_packets
from player.tests.stage import Packaged, Tone


def opened(packaged: Packaged) -> tuple[bytes, list[bytes]]:
    data, segments = packaged.data, packaged.facts.seek.segments
    reader = open_packets(packaged.facts, packaged.key)
    config = reader.read_header(data[: segments[0].offset])
    parts = [data[one.offset : one.offset + one.bytes] for one in segments]
    return config, [packet for part in parts for packet in reader.read_segment(part)]


def test_packets_decode_to_the_music(packaged: Packaged, tone: Tone):
    config, packets = opened(packaged)
    decoder = PacketDecoder(packaged.facts, config)
    blocks = [block for packet in packets for block in decoder.decode(packet)]
    blocks += decoder.flush()
    samples = np.concatenate(blocks)[packaged.facts.priming :][: packaged.facts.samples]
    scale = 1.0 if samples.dtype.kind == "f" else 32_768.0
    master, _ = soundfile.read(tone.path, always_2d=True)
    error = samples.astype(np.float64) / scale - master
    # Noise of a lossy codec at its rate, and no shift by a single sample.
    assert float(np.sqrt(np.mean(np.square(error)))) < 0.03
    assert samples.shape == master.shape


def test_flac_keeps_its_depth(tone: Tone, deep_tone: Tone):
    assert pcm_format_of(tone.renditions["flac"].facts) is PcmFormat.S16
    assert pcm_format_of(deep_tone.renditions["flac"].facts) is PcmFormat.S32
    assert pcm_format_of(tone.renditions["aac-160"].facts) is PcmFormat.F32


def test_24_bits_come_with_a_low_byte_of_zero(deep_tone: Tone):
    packaged = deep_tone.renditions["flac"]
    config, packets = opened(packaged)
    samples = next(PacketDecoder(packaged.facts, config).decode(packets[0]))
    assert samples.dtype == np.int32
    assert not np.any(samples.astype(np.int64) & 0xFF)


def test_noise_is_refused(tone: Tone):
    packaged = tone.renditions["flac"]
    config, _ = opened(packaged)
    with pytest.raises(DecodingError, match="packet"):
        list(PacketDecoder(packaged.facts, config).decode(bytes(range(256)) * 4))


def test_a_header_that_is_none_is_refused(tone: Tone):
    with pytest.raises(DecodingError, match="header"):
        PacketDecoder(tone.renditions["vorbis-160"].facts, b"no headers")


@pytest.mark.parametrize(
    "change", [{"sample_rate_hz": 48_000}, {"channels": 1}, {"bits": 24}], ids=str
)
def test_samples_of_another_kind_than_the_index_says_are_refused(
    tone: Tone, change: dict[str, int]
):
    packaged = tone.renditions["flac"]
    config, packets = opened(packaged)
    facts = dataclasses.replace(packaged.facts, **change)  # type: ignore[arg-type]
    with pytest.raises(DecodingError, match="returns"):
        list(PacketDecoder(facts, config).decode(packets[0]))
