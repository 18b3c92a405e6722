"""What a release consists of for an edge: the paths that its listeners will ask for."""

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urljoin

from cli.node import NodeClient, NodeError

_MANIFESTS = ("dash", "hls", "hls_js")


async def release_targets(
    client: NodeClient, release_id: str, renditions: Sequence[str]
) -> list[str]:
    """Paths of an album or a track.

    Args:
        client: asks the origin.
        release_id: of either.
        renditions: which ones, packaged or not; without any, those that are packaged.

    Raises:
        NodeError: there is neither, or it has no such rendition.
    """
    try:
        track = await client.track(release_id)
    except NodeError as error:
        if error.status != 404:
            raise
    else:
        return track_targets(track, renditions)
    try:
        album = await client.album(release_id)
        tracks = [await client.track(str(one["track_id"])) for one in album["tracks"]]
        return album_targets(album, tracks, renditions)
    except NodeError as error:
        if error.status != 404:
            raise
        raise NodeError(f"there is neither a track nor an album {release_id}") from error


def album_targets(
    album: dict[str, Any], tracks: Sequence[dict[str, Any]], renditions: Sequence[str]
) -> list[str]:
    """Paths of an album and its tracks, from their JSON."""
    own = f"/v1/albums/{album['album_id']}"
    targets = [own, *_covers(own, album)]
    if all(_has_manifests(track, renditions) for track in tracks):
        targets += [urljoin(own, album["links"][name]) for name in _MANIFESTS]
    for track in tracks:
        targets += track_targets(track, renditions)
    return list(dict.fromkeys(targets))


def track_targets(track: dict[str, Any], renditions: Sequence[str]) -> list[str]:
    """Paths of a track, from its JSON: what is small first.

    Raises:
        NodeError: it has no such rendition.
    """
    own = f"/v1/tracks/{track['track_id']}"
    chosen = _chosen(track, renditions)
    targets = [own, *_covers(own, track)]
    if _has_manifests(track, renditions):
        targets += [urljoin(own, track["links"][name]) for name in _MANIFESTS]
    for one in chosen:
        index = urljoin(own, one["index_url"])
        targets.append(index)
        if one["container"] == "mp4":
            targets.append(f"{index.removesuffix('.json')}.m3u8")
    targets += [urljoin(own, one["url"]) for one in chosen]
    return targets


def _chosen(track: dict[str, Any], renditions: Sequence[str]) -> list[dict[str, Any]]:
    by_name: dict[str, dict[str, Any]] = {one["name"]: one for one in track["renditions"]}
    unknown = [name for name in renditions if name not in by_name]
    if unknown:
        raise NodeError(
            f"track {track['track_id']} has no rendition {unknown[0]}; it has {', '.join(by_name)}"
        )
    return [one for one in by_name.values() if _is_chosen(one, renditions)]


def _is_chosen(rendition: dict[str, Any], renditions: Sequence[str]) -> bool:
    return rendition["name"] in renditions if renditions else bool(rendition["packaged"])


def _has_manifests(track: dict[str, Any], renditions: Sequence[str]) -> bool:
    """Whether its manifests have nothing packaged that was not asked for."""
    return "dash" in track["links"] and all(
        one["packaged"] or _is_chosen(one, renditions)
        for one in track["renditions"]
        if one["container"] == "mp4"
    )


def _covers(base: str, document: dict[str, Any]) -> Iterable[str]:
    cover = document.get("cover") or {}
    return [urljoin(base, one["url"]) for one in cover.get("sizes", ())]
