from dataclasses import replace

import pytest

from packager.boxes import split_boxes
from packager.encoded_track import EncodedTrack
from packager.sample_entries import AUDIO_SAMPLE_ENTRY, encode_sample_entry
from packager.tests.samples import AAC_TRACK, CBCS, FLAC_TRACK, OPUS_TRACK, STREAMINFO

ENTRY_SIZE = AUDIO_SAMPLE_ENTRY.size


def fields_of(track: EncodedTrack) -> tuple[bytes, int, int, int]:
    (entry,) = split_boxes(encode_sample_entry(track, None))
    _, channels, bits, _, _, rate = AUDIO_SAMPLE_ENTRY.unpack(entry.payload[:ENTRY_SIZE])
    assert rate & 0xFFFF == 0
    return entry.fourcc, channels, bits, rate >> 16


@pytest.mark.parametrize(
    ("rate_hz", "field"),
    [
        pytest.param(8000, 8000, id="8 kHz"),
        pytest.param(48_000, 48_000, id="48 kHz"),
        pytest.param(88_200, 44_100, id="half of 88.2 kHz"),
        pytest.param(96_000, 48_000, id="half of 96 kHz"),
        pytest.param(176_400, 58_800, id="greatest part of 176.4 kHz"),
        pytest.param(192_000, 64_000, id="greatest part of 192 kHz"),
        pytest.param(100_003, 65_535, id="a prime has no part"),
    ],
)
def test_the_rate_is_told_as_well_as_16_bits_can(rate_hz: int, field: int):
    assert fields_of(replace(FLAC_TRACK, sample_rate_hz=rate_hz))[3] == field


def test_flac_carries_its_streaminfo():
    track = replace(FLAC_TRACK, bits=24, channels=8)
    assert fields_of(track) == (b"fLaC", 8, 24, 44_100)
    block = b"\x80\0\0\x22" + STREAMINFO
    assert encode_sample_entry(track, None).endswith(b"dfLa" + bytes(4) + block)


def test_aac_carries_its_configuration_in_descriptors():
    assert fields_of(AAC_TRACK) == (b"mp4a", 2, 16, 44_100)
    (entry,) = split_boxes(encode_sample_entry(AAC_TRACK, None))
    (esds,) = split_boxes(entry.payload[ENTRY_SIZE:])
    assert esds.payload[4:].hex(" ") == (
        "03 19 00 00 00"  # ES descriptor
        " 04 11 40 15 00 03 1f"  # decoder configuration: AAC, audio, largest packet of 799 bytes
        " 00 04 33 50 00 02 71 00"  # peak and average bit rate
        " 05 02 12 10"  # AudioSpecificConfig
        " 06 01 02"
    )


def test_a_long_configuration_gets_sizes_of_two_groups():
    config = bytes(200)
    entry = encode_sample_entry(replace(AAC_TRACK, config=config), None)
    assert b"\x05\x81\x48" + config in entry


def test_opus_carries_its_configuration_without_version_and_flags():
    assert fields_of(OPUS_TRACK) == (b"Opus", 2, 16, 48_000)
    (entry,) = split_boxes(encode_sample_entry(OPUS_TRACK, None))
    (dops,) = split_boxes(entry.payload[ENTRY_SIZE:])
    assert dops.payload.hex(" ") == "00 02 01 38 00 00 ac 44 00 00 00"


@pytest.mark.parametrize(
    ("track", "original_format"),
    [
        pytest.param(FLAC_TRACK, b"fLaC", id="FLAC"),
        pytest.param(AAC_TRACK, b"mp4a", id="AAC"),
        pytest.param(OPUS_TRACK, b"Opus", id="Opus"),
    ],
)
def test_a_protected_entry_says_what_it_was(track: EncodedTrack, original_format: bytes):
    (entry,) = split_boxes(encode_sample_entry(track, CBCS))
    assert entry.fourcc == b"enca"
    assert b"frma" + original_format in entry.payload
