import base64
import re
import uuid
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given

from packager.encoded_track import EncodedTrack
from packager.fmp4 import plan_file
from packager.hls import (
    HlsFlavor,
    encode_media_playlist,
    encode_multivariant,
    media_playlist_name,
)
from packager.presentation import Presentation
from packager.renditions import Protection
from packager.tests.samples import FACTS, FLAC_FACTS, TRACKS

KID_URI = "data:text/plain;base64," + base64.b64encode(uuid.UUID(FACTS.kid).bytes).decode()


IDENTITY_KEY = (
    f'#EXT-X-KEY:METHOD=SAMPLE-AES,URI="{KID_URI}",IV=0x{FACTS.iv},'
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
def test_every_rendition_is_a_variant_and_the_smallest_comes_first(
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


def test_a_media_playlist_lists_byte_ranges():
    assert lines_of(encode_media_playlist(FACTS, HlsFlavor.COMMON)) == [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        "#EXT-X-TARGETDURATION:7",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        '#EXT-X-MAP:URI="aac-160.mp4",BYTERANGE="800@0"',
        IDENTITY_KEY,
        "#EXTINF:0.975238,",
        "#EXT-X-BYTERANGE:19120@880",
        "aac-160.mp4",
        "#EXTINF:5.990748,",
        "#EXT-X-BYTERANGE:120000@20000",
        "aac-160.mp4",
        "#EXTINF:6.639456,",
        "#EXT-X-BYTERANGE:110000@140000",
        "aac-160.mp4",
        "#EXT-X-ENDLIST",
    ]


def test_hls_js_finds_the_kid_and_no_other_key():
    lines = lines_of(encode_media_playlist(FACTS, HlsFlavor.HLS_JS))
    assert [line for line in lines if line.startswith("#EXT-X-KEY")] == [CLEAR_KEY]


def test_clear_renditions_are_alike_in_both_flavors():
    clear = replace(FACTS, protection=Protection.CLEAR, kid="", iv="")
    playlist = encode_media_playlist(clear, HlsFlavor.COMMON)
    assert b"EXT-X-KEY" not in playlist
    assert playlist == encode_media_playlist(clear, HlsFlavor.HLS_JS)


@given(TRACKS)
def test_durations_tell_the_exact_samples(track: EncodedTrack):
    plan = plan_file(track, None)
    facts = replace(FACTS, seek=plan.seek, sample_rate_hz=track.sample_rate_hz)
    lines = lines_of(encode_media_playlist(facts, HlsFlavor.COMMON))
    written = [match[1] for line in lines if (match := re.fullmatch(r"#EXTINF:([\d.]+),", line))]
    end_s = Fraction(0)
    for segment, text in zip(plan.seek.segments, written, strict=True):
        end_s += Fraction(text)
        end_samples = segment.start_samples + segment.duration_samples
        assert round(end_s * track.sample_rate_hz) == end_samples
    target = int(lines[3].partition(":")[2])
    assert all(round(float(text)) <= target for text in written)


def test_a_token_sees_the_rendition_before_the_first_dot():
    for flavor in HlsFlavor:
        assert media_playlist_name("aac-160", flavor).partition(".")[0] == "aac-160"
