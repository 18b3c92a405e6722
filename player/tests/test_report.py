import json
from pathlib import Path

from player.report import CacheTally, PlayReport, PlayRequest, Stalls


def test_a_request_does_not_show_its_token():
    request = PlayRequest("http://edge/~secret1", "secret2", "t", "flac", Path("x"))
    assert "secret" not in repr(request)


def test_a_report_is_json_as_it_stands():
    report = PlayReport(
        track_id="t",
        title="T",
        rendition="flac",
        samples=1,
        sample_rate_hz=2,
        channels=3,
        pcm_format="s16le",
        pcm_sha256="ab",
        gain_db=-3.25,
        first_audio_ms=1.5,
        stalls=Stalls(0, 0.0),
        bytes=4,
        segments=5,
        cache=CacheTally(hit=1),
    )
    document = json.loads(json.dumps(report.to_json()))
    assert document["cache"] == {"hit": 1, "miss": 0, "unknown": 0}
    assert document["stalls"] == {"count": 0, "total_ms": 0.0}
