"""Manifests are read by parsers that nobody here wrote, and say what the facts say."""

from dataclasses import replace
from fractions import Fraction
from urllib.parse import urljoin

import m3u8
import pytest
from mpegdash.nodes import MPEGDASH, AdaptationSet, Period
from mpegdash.parser import MPEGDASHParser

from packager.album_presentation import AlbumPart, AlbumPresentation
from packager.dash import encode_album_mpd, encode_mpd
from packager.hls import (
    HlsFlavor,
    encode_album_media_playlist,
    encode_album_multivariant,
    encode_media_playlist,
    encode_multivariant,
    media_playlist_name,
)
from packager.presentation import Presentation, duration_of
from packager.renditions import Protection
from packager.seek_index import RenditionFacts, Segment
from packager.tests.samples import FACTS, FLAC_FACTS, OPUS_FACTS

ALBUM_URL = "https://edge/v1/albums/a/"
TRACK_URL = "https://edge/v1/audio/{}/0123456789abcdef/"
LOWER = replace(FACTS, name="aac-96", bitrate_bps=97_000, bandwidth_bps=99_000)
HIGHER = replace(FACTS, name="aac-320", bitrate_bps=320_500, bandwidth_bps=340_000)
LADDER = (FLAC_FACTS, HIGHER, FACTS, LOWER, OPUS_FACTS)

METHODS = {
    Protection.CBCS: "SAMPLE-AES",
    Protection.CENC: "SAMPLE-AES-CTR",
    Protection.CLEAR: None,
}


def under(protection: Protection, ladder: tuple[RenditionFacts, ...]) -> tuple[RenditionFacts, ...]:
    match protection:
        case Protection.CENC:
            ladder = tuple(replace(facts, iv="01" * 8) for facts in ladder)
        case Protection.CLEAR:
            ladder = tuple(replace(facts, iv="", kid="") for facts in ladder)
        case _:
            assert protection is Protection.CBCS
    return tuple(replace(facts, protection=protection) for facts in ladder)


def shortened(facts: RenditionFacts) -> RenditionFacts:
    first, second, _ = facts.seek.segments
    last = Segment(second.offset, second.bytes, second.start_samples, 12_345)
    seek = replace(facts.seek, segments=(first, last))
    return replace(facts, seek=seek, bytes=last.end, samples=last.end_samples)


def album_under(protection: Protection) -> AlbumPresentation:
    ladders = (LADDER, tuple(map(shortened, LADDER)), LADDER)
    return AlbumPresentation(
        [
            AlbumPart(f"track{index}", "0123456789abcdef", under(protection, ladder))
            for index, ladder in enumerate(ladders)
        ]
    )


def parse_mpd(data: bytes) -> MPEGDASH:
    return MPEGDASHParser.parse(data.decode())


def sets_of(period: Period) -> list[AdaptationSet]:
    return list(period.adaptation_sets)


def check_period(period: Period, renditions: tuple[RenditionFacts, ...]) -> None:
    found = {
        representation.id: (adaptation_set, representation)
        for adaptation_set in sets_of(period)
        for representation in adaptation_set.representations
    }
    assert found.keys() == {facts.name for facts in renditions}
    for facts in renditions:
        adaptation_set, representation = found[facts.name]
        seek = facts.seek
        segments = representation.segment_bases[0]
        assert representation.codecs == facts.codec_string
        assert representation.bandwidth == facts.bandwidth_bps
        assert int(representation.audio_sampling_rate) == facts.sample_rate_hz
        assert representation.base_urls[0].base_url_value == f"{facts.name}.mp4"
        assert segments.timescale == facts.sample_rate_hz
        index_end = seek.index_offset + seek.index_bytes - 1
        assert segments.index_range == f"{seek.index_offset}-{index_end}"
        assert segments.initializations[0].range == f"0-{seek.init_bytes - 1}"
        protections = adaptation_set.content_protections or []
        values = [one.value for one in protections]
        expected = [facts.protection.value, "ClearKey1.0"]
        assert values == ([] if facts.protection is Protection.CLEAR else expected)
    switchable = [
        {one.id for one in adaptation_set.representations} for adaptation_set in sets_of(period)
    ]
    assert switchable == [{"aac-96", "aac-160", "aac-320"}, {"flac"}, {"opus-24"}]


@pytest.mark.parametrize("protection", METHODS)
def test_mpegdash_reads_the_manifest_of_a_track(protection: Protection):
    renditions = under(protection, LADDER)
    mpd = parse_mpd(encode_mpd(Presentation(renditions)))
    (period,) = mpd.periods
    check_period(period, renditions)


@pytest.mark.parametrize("protection", METHODS)
def test_mpegdash_reads_the_manifest_of_an_album(protection: Protection):
    album = album_under(protection)
    mpd = parse_mpd(encode_album_mpd(album))
    assert len(mpd.periods) == len(album.parts)
    for period, part in zip(mpd.periods, album.parts, strict=True):
        check_period(period, part.renditions)
        (base_url,) = period.base_urls
        assert urljoin(ALBUM_URL, base_url.base_url_value) == TRACK_URL.format(part.track_id)


@pytest.mark.parametrize("flavor", HlsFlavor)
@pytest.mark.parametrize("protection", METHODS)
def test_m3u8_reads_the_multivariant_playlists(protection: Protection, flavor: HlsFlavor):
    renditions = {facts.name: facts for facts in under(protection, LADDER)}
    offered = renditions.keys() - ({"opus-24"} if flavor is HlsFlavor.HLS_JS else set())
    track = encode_multivariant(Presentation(tuple(renditions.values())), flavor)
    album = encode_album_multivariant(album_under(protection), flavor)
    for data in (track, album):
        playlist = m3u8.loads(data.decode())
        assert playlist.is_variant
        names = {media_playlist_name(name, flavor): name for name in offered}
        assert {one.uri for one in playlist.playlists} == names.keys()
        for variant in playlist.playlists:
            facts = renditions[names[variant.uri]]
            assert variant.stream_info.codecs == facts.codec_string
            assert variant.stream_info.bandwidth == facts.bandwidth_bps
            assert variant.stream_info.average_bandwidth == facts.bitrate_bps


def check_segments(playlist: m3u8.M3U8, url: str, parts: list[tuple[str, RenditionFacts]]) -> None:
    """Compare files, byte ranges, discontinuities, headers and keys with the facts."""
    expected = [
        (folder, facts, segment, index > 0 and segment is facts.seek.segments[0])
        for index, (folder, facts) in enumerate(parts)
        for segment in facts.seek.segments
    ]
    assert playlist.is_endlist
    end_s = end_told_s = Fraction(0)
    for found, (folder, facts, segment, is_break) in zip(playlist.segments, expected, strict=True):
        name = f"{folder}{facts.name}.mp4"
        assert urljoin(url, found.uri) == name
        assert found.byterange == f"{segment.bytes}@{segment.offset}"
        assert found.discontinuity == is_break
        assert urljoin(url, found.init_section.uri) == name
        assert found.init_section.byterange == f"{facts.seek.init_bytes}@0"
        end_s += Fraction(segment.duration_samples, facts.sample_rate_hz)
        end_told_s += Fraction(str(found.duration))
        # As the timestamps have it, the priming included, but for the end of the music.
        shift = 0 if segment is facts.seek.segments[-1] else facts.priming
        shift_s = Fraction(shift, facts.sample_rate_hz)
        assert abs(end_told_s - end_s - shift_s) <= Fraction(1, 10**6)
        assert round(found.duration) <= playlist.target_duration
        check_key(found.key, facts, url)
    assert end_s == sum(duration_of(facts) for _, facts in parts)


def check_key(key: m3u8.Key | None, facts: RenditionFacts, url: str) -> None:
    if facts.protection is Protection.CLEAR:
        assert key is None or key.method == "NONE"
        return
    assert key is not None
    assert key.method == METHODS[facts.protection]
    if key.keyformat == "identity":
        assert urljoin(url, key.uri) == f"https://edge/v1/licenses/hls/{facts.kid}"
        is_constant = facts.protection is Protection.CBCS
        assert key.iv == (f"0x{facts.iv}" if is_constant else None)
    else:
        assert key.keyformat == "org.w3.clearkey"


@pytest.mark.parametrize("flavor", HlsFlavor)
@pytest.mark.parametrize("protection", METHODS)
def test_m3u8_reads_the_media_playlists_of_a_track(protection: Protection, flavor: HlsFlavor):
    for facts in under(protection, LADDER):
        playlist = m3u8.loads(encode_media_playlist(facts, flavor).decode())
        folder = TRACK_URL.format("track0")
        check_segments(playlist, folder, [(folder, facts)])


@pytest.mark.parametrize("flavor", HlsFlavor)
@pytest.mark.parametrize("protection", METHODS)
def test_m3u8_reads_the_media_playlists_of_an_album(protection: Protection, flavor: HlsFlavor):
    album = album_under(protection)
    for name in album.rendition_names:
        playlist = m3u8.loads(encode_album_media_playlist(album, name, flavor).decode())
        tracks = [facts for facts, _ in album.tracks_of(name)]
        folders = [TRACK_URL.format(part.track_id) for part in album.parts]
        check_segments(playlist, ALBUM_URL, list(zip(folders, tracks, strict=True)))
