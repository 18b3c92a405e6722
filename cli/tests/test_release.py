from typing import Any

import pytest

from cli.node import NodeError
from cli.release import album_targets, track_targets

FOLDER = "../audio/T/v1/"


def track_of(track_id: str = "T", *, has_unpackaged: bool = False) -> dict[str, Any]:
    folder = f"../audio/{track_id}/v1/"
    names = {"flac": ("mp4", not has_unpackaged), "vorbis-96": ("ogg", True)}
    return {
        "track_id": track_id,
        "cover": {"sizes": [{"url": "../covers/c-300.jpg"}]},
        "links": {
            "dash": f"{folder}manifest.mpd",
            "hls": f"{folder}master.m3u8",
            "hls_js": f"{folder}hls.m3u8",
        },
        "renditions": [
            {
                "name": name,
                "packaged": is_packaged,
                "container": container,
                "url": f"{folder}{name}.{container}",
                "index_url": f"{folder}{name}.json",
            }
            for name, (container, is_packaged) in names.items()
        ],
    }


MANIFESTS = [f"/v1/audio/T/v1/{name}" for name in ("manifest.mpd", "master.m3u8", "hls.m3u8")]
FLAC = [f"/v1/audio/T/v1/flac.{suffix}" for suffix in ("json", "m3u8", "mp4")]


def test_a_track_is_all_that_its_listeners_ask_for():
    assert track_targets(track_of(), ()) == [
        "/v1/tracks/T",
        "/v1/covers/c-300.jpg",
        *MANIFESTS,
        *FLAC[:2],
        "/v1/audio/T/v1/vorbis-96.json",
        FLAC[2],
        "/v1/audio/T/v1/vorbis-96.ogg",
    ]


def test_nothing_is_packaged_that_nobody_named():
    own = ["/v1/tracks/T", "/v1/covers/c-300.jpg"]
    vorbis = ["/v1/audio/T/v1/vorbis-96.json", "/v1/audio/T/v1/vorbis-96.ogg"]
    track = track_of(has_unpackaged=True)
    assert track_targets(track, ()) == [*own, *vorbis]
    assert track_targets(track, ["flac"]) == [*own, *MANIFESTS, *FLAC]


def test_an_unknown_rendition_is_refused():
    with pytest.raises(NodeError, match="no rendition mp3; it has flac, vorbis-96"):
        track_targets(track_of(), ["mp3"])


@pytest.mark.parametrize("is_ready", [True, False])
def test_an_album_is_its_tracks_and_its_own_files(*, is_ready: bool):
    album: dict[str, Any] = {
        "album_id": "A",
        "cover": None,
        "links": {"dash": "A/manifest.mpd", "hls": "A/master.m3u8", "hls_js": "A/hls.m3u8"},
    }
    tracks = [track_of("T"), track_of("U", has_unpackaged=not is_ready)]
    targets = album_targets(album, tracks, ())
    assert targets[0] == "/v1/albums/A"
    assert ("/v1/albums/A/manifest.mpd" in targets) is is_ready
    assert {"/v1/tracks/T", "/v1/tracks/U"} <= set(targets)
    assert targets.count("/v1/covers/c-300.jpg") == 1
