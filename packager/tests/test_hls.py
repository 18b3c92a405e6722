import base64
import re
import uuid
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given

from packager.album_presentation import AlbumPart, AlbumPresentation
from packager.encoded_track import EncodedTrack
from packager.fmp4 import plan_file
from packager.hls import (
    HlsFlavor,
    encode_album_media_playlist,
    encode_album_multivariant,
    encode_media_playlist,
    encode_multivariant,
    media_playlist_name,
)
from packager.presentation import Presentation
from packager.renditions import Protection
from packager.seek_index import RenditionFacts, Segment
from packager.tests.samples import FACTS, FLAC_FACTS, OPUS_FACTS, TRACKS

KEY_URL = f"../../../licenses/hls/{FACTS.kid}"
KID_URI = "data:text/plain;base64," + base64.b64encode(uuid.UUID(FACTS.kid).bytes).decode()


IDENTITY_KEY = (
    f'#EXT-X-KEY:METHOD=SAMPLE-AES,URI="{KEY_URL}",IV=0x{FACTS.iv},'
    'KEYFORMAT="identity",KEYFORMATVERSIONS="1"'
)
CLEAR_KEY = (
    f'#EXT-X-KEY:METHOD=SAMPLE-AES,URI="{KID_URI}",KEYID=0x{FACTS.kid.replace("-", "")},'
    'KEYFORMAT="org.w3.clearkey",KEYFORMATVERSIONS="1"'
)


def lines_of(playlist: bytes) -> list[str]:
    assert playlist.endswith(b"\n")
    return playlist.decode().splitlines()


@pytest.mark.parametrize(
    ("flavor", "aac", "flac"),
    [
        pytest.param(HlsFlavor.COMMON, "aac-160.m3u8", "flac.m3u8", id="common"),
        pytest.param(HlsFlavor.HLS_JS, "aac-160.hls.m3u8", "flac.hls.m3u8", id="hls.js"),
    ],
)
def test_every_rendition_is_a_variant_and_the_preferred_codec_comes_first(
    flavor: HlsFlavor, aac: str, flac: str
):
    assert lines_of(encode_multivariant(Presentation([FLAC_FACTS, FACTS]), flavor)) == [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        '#EXT-X-STREAM-INF:BANDWIDTH=171000,AVERAGE-BANDWIDTH=160500,CODECS="mp4a.40.2"',
        aac,
        '#EXT-X-STREAM-INF:BANDWIDTH=1000000,AVERAGE-BANDWIDTH=900000,CODECS="flac"',
        flac,
    ]


def variants_of(renditions: list[RenditionFacts], flavor: HlsFlavor) -> list[str]:
    lines = lines_of(encode_multivariant(Presentation(renditions), flavor))
    return [line for line in lines if not line.startswith("#")]


def test_hls_js_is_not_led_to_the_lowest_rung_for_good():
    ladder = [FLAC_FACTS, FACTS, OPUS_FACTS]
    common = ["aac-160.m3u8", "flac.m3u8", "opus-24.m3u8"]
    assert variants_of(ladder, HlsFlavor.COMMON) == common
    assert variants_of(ladder, HlsFlavor.HLS_JS) == ["aac-160.hls.m3u8", "flac.hls.m3u8"]
    assert variants_of([OPUS_FACTS], HlsFlavor.HLS_JS) == ["opus-24.hls.m3u8"]


def test_a_media_playlist_lists_byte_ranges():
    assert lines_of(encode_media_playlist(FACTS, HlsFlavor.COMMON)) == [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        "#EXT-X-TARGETDURATION:7",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        IDENTITY_KEY,
        '#EXT-X-MAP:URI="aac-160.mp4",BYTERANGE="800@0"',
        "#EXTINF:0.998458,",
        "#EXT-X-BYTERANGE:19120@880",
        "aac-160.mp4",
        "#EXTINF:5.990748,",
        "#EXT-X-BYTERANGE:120000@20000",
        "aac-160.mp4",
        "#EXTINF:6.616236,",
        "#EXT-X-BYTERANGE:110000@140000",
        "aac-160.mp4",
        "#EXT-X-ENDLIST",
    ]


def test_hls_js_finds_the_kid_and_no_other_key():
    lines = lines_of(encode_media_playlist(FACTS, HlsFlavor.HLS_JS))
    assert [line for line in lines if line.startswith("#EXT-X-KEY")] == [CLEAR_KEY]


@pytest.mark.parametrize(
    ("flavor", "key"),
    [
        pytest.param(
            HlsFlavor.COMMON,
            f'#EXT-X-KEY:METHOD=SAMPLE-AES-CTR,URI="{KEY_URL}",'
            'KEYFORMAT="identity",KEYFORMATVERSIONS="1"',
            id="common",
        ),
        pytest.param(
            HlsFlavor.HLS_JS,
            CLEAR_KEY.replace("SAMPLE-AES", "SAMPLE-AES-CTR"),
            id="hls.js",
        ),
    ],
)
def test_cenc_has_a_method_of_its_own_and_no_constant_iv(flavor: HlsFlavor, key: str):
    facts = replace(FACTS, protection=Protection.CENC, iv="01" * 8)
    lines = lines_of(encode_media_playlist(facts, flavor))
    assert [line for line in lines if line.startswith("#EXT-X-KEY")] == [key]


def test_clear_renditions_are_alike_in_both_flavors():
    clear = replace(FACTS, protection=Protection.CLEAR, kid="", iv="")
    playlist = encode_media_playlist(clear, HlsFlavor.COMMON)
    assert b"EXT-X-KEY" not in playlist
    assert playlist == encode_media_playlist(clear, HlsFlavor.HLS_JS)


def facts_of(track: EncodedTrack) -> RenditionFacts:
    return replace(
        FACTS,
        seek=plan_file(track, None).seek,
        sample_rate_hz=track.sample_rate_hz,
        samples=track.samples,
        priming=track.priming,
    )


def segments_in(playlist: bytes) -> list[tuple[Fraction, int, int]]:
    """Duration, size and offset of each segment."""
    found = re.findall(r"#EXTINF:([\d.]+),\n#EXT-X-BYTERANGE:(\d+)@(\d+)\n", playlist.decode())
    return [(Fraction(duration), int(size), int(offset)) for duration, size, offset in found]


def decode_times_of(facts: RenditionFacts) -> dict[int, int]:
    """When the first packet of a segment is decoded, as its `tfdt` says, by its offset."""
    return {
        segment.offset: segment.start_samples + facts.priming if index else 0
        for index, segment in enumerate(facts.seek.segments)
    }


@given(TRACKS)
def test_a_segment_starts_in_the_playlist_when_its_timestamp_says(track: EncodedTrack):
    facts = facts_of(track)
    decode_times = decode_times_of(facts)
    start_s = Fraction(0)
    for duration_s, _, offset in segments_in(encode_media_playlist(facts, HlsFlavor.COMMON)):
        assert round(start_s * track.sample_rate_hz) == decode_times[offset]
        start_s += duration_s
    assert round(start_s * track.sample_rate_hz) == facts.samples


@given(TRACKS)
def test_segments_have_a_duration_and_make_up_the_file(track: EncodedTrack):
    facts = facts_of(track)
    playlist = encode_media_playlist(facts, HlsFlavor.COMMON)
    target = int(lines_of(playlist)[3].partition(":")[2])
    position = facts.seek.segments[0].offset
    for duration_s, size, offset in segments_in(playlist):
        assert offset == position
        assert duration_s > 0
        assert int(duration_s + Fraction(1, 2)) <= target
        position += size
    assert position == facts.seek.segments[-1].end


def test_a_last_segment_no_longer_than_the_priming_goes_with_the_one_before():
    *others, last = FACTS.seek.segments
    short = replace(last, duration_samples=FACTS.priming)
    facts = replace(
        FACTS, samples=short.end_samples, seek=replace(FACTS.seek, segments=(*others, short))
    )
    segments = segments_in(encode_media_playlist(facts, HlsFlavor.COMMON))
    assert [(size, offset) for _, size, offset in segments] == [(19_120, 880), (230_000, 20_000)]
    assert round(sum(duration_s for duration_s, _, _ in segments) * 44_100) == facts.samples


def album_of(*tracks: RenditionFacts) -> AlbumPresentation:
    return AlbumPresentation(
        [AlbumPart(f"track{index}", "0" * 16, (facts,)) for index, facts in enumerate(tracks)]
    )


def test_an_album_is_its_tracks_with_discontinuities_between_them():
    short = replace(
        FACTS, samples=48_000, seek=replace(FACTS.seek, segments=(Segment(880, 99, 0, 48_000),))
    )
    playlist = encode_album_media_playlist(album_of(short, short), "aac-160", HlsFlavor.COMMON)
    key = IDENTITY_KEY.replace("../../../", "../../")
    part = [
        "#EXT-X-BYTERANGE:99@880",
        "../../audio/track{}/0000000000000000/aac-160.mp4",
    ]
    head = '#EXT-X-MAP:URI="../../audio/track{}/0000000000000000/aac-160.mp4",BYTERANGE="800@0"'
    assert lines_of(playlist)[3:] == [
        "#EXT-X-TARGETDURATION:1",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        key,
        head.format(0),
        "#EXTINF:1.088435,",
        *(line.format(0) for line in part),
        "#EXT-X-DISCONTINUITY",
        key,
        head.format(1),
        # The end of the album is rounded, not each track.
        "#EXTINF:1.088436,",
        *(line.format(1) for line in part),
        "#EXT-X-ENDLIST",
    ]


def test_a_clear_track_after_a_protected_one_says_so():
    clear = replace(FACTS, protection=Protection.CLEAR, kid="", iv="")
    playlist = encode_album_media_playlist(album_of(FACTS, clear), "aac-160", HlsFlavor.HLS_JS)
    keys = [line for line in lines_of(playlist) if line.startswith("#EXT-X-KEY")]
    assert keys == [CLEAR_KEY, "#EXT-X-KEY:METHOD=NONE"]


def test_the_rates_of_an_album_are_those_of_all_its_tracks():
    louder = replace(FACTS, bandwidth_bps=999_999, bitrate_bps=200_500)
    lines = lines_of(encode_album_multivariant(album_of(FACTS, louder), HlsFlavor.COMMON))
    assert lines[3:] == [
        '#EXT-X-STREAM-INF:BANDWIDTH=999999,AVERAGE-BANDWIDTH=180500,CODECS="mp4a.40.2"',
        "aac-160.m3u8",
    ]


def test_a_token_sees_the_rendition_before_the_first_dot():
    for flavor in HlsFlavor:
        assert media_playlist_name("aac-160", flavor).partition(".")[0] == "aac-160"
