from dataclasses import replace

from packager.tests.samples import AAC_TRACK, FLAC_TRACK


def test_coded_samples_count_the_last_packet_at_its_own_length():
    assert FLAC_TRACK.coded_samples == 29 * 4096 + 100
    assert AAC_TRACK.coded_samples == 700 * 1024


def test_a_single_packet_is_the_last_one():
    assert replace(FLAC_TRACK, packet_sizes=[9]).coded_samples == 100
