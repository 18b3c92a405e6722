import dataclasses

import pytest

from packager.content_key import ContentKey
from packager.format_error import FormatError
from packager.renditions import Protection
from packager.sealing import unseal
from player.packets import open_packets
from player.tests.stage import Packaged, Tone


def cut(packaged: Packaged) -> tuple[bytes, list[bytes]]:
    data = packaged.data
    segments = packaged.facts.seek.segments
    parts = [data[one.offset : one.offset + one.bytes] for one in segments]
    return data[: segments[0].offset], parts


def test_a_whole_file_is_read_into_packets(packaged: Packaged):
    header, segments = cut(packaged)
    reader = open_packets(packaged.facts, packaged.key)
    assert reader.read_header(header)
    packets = [packet for segment in segments for packet in reader.read_segment(segment)]
    reader.close()
    assert len(packets) > 70
    assert all(packets)


def test_an_ogg_file_that_ends_too_early_is_refused(tone: Tone):
    packaged = tone.renditions["vorbis-160"]
    header, segments = cut(packaged)
    reader = open_packets(packaged.facts, packaged.key)
    reader.read_header(header)
    assert list(reader.read_segment(segments[0]))
    with pytest.raises(FormatError):
        reader.close()


def test_headers_with_packets_missing_are_refused(tone: Tone):
    packaged = tone.renditions["vorbis-160"]
    header, _ = cut(packaged)
    first_page = 27 + 1 + 30  # The identification header has a page of its own.
    with pytest.raises(FormatError, match="header packets"):
        open_packets(packaged.facts, packaged.key).read_header(header[:first_page])


def test_a_clear_ogg_file_is_read_without_a_key(tone: Tone):
    packaged = tone.renditions["vorbis-160"]
    header, _ = cut(packaged)
    clear = unseal(packaged.key.key, bytes.fromhex(packaged.facts.iv), 0, header)
    facts = dataclasses.replace(packaged.facts, protection=Protection.CLEAR, iv="", kid="")
    assert open_packets(facts, None).read_header(clear)


def test_a_wrong_key_unseals_nothing_that_is_ogg(tone: Tone):
    packaged = tone.renditions["vorbis-160"]
    header, _ = cut(packaged)
    wrong = ContentKey(packaged.key.kid, bytes(16))
    with pytest.raises(FormatError):
        open_packets(packaged.facts, wrong).read_header(header)


def test_a_file_of_another_rate_than_its_index_is_refused(tone: Tone):
    packaged = tone.renditions["flac"]
    facts = dataclasses.replace(packaged.facts, sample_rate_hz=48_000)
    with pytest.raises(FormatError, match="contradicts"):
        open_packets(facts, packaged.key).read_header(cut(packaged)[0])
