"""URLs of the edge: built from its address, and resolved from answers without leaving it. No I/O.

A token travels with every request, so a reference that leads to another host is refused.
"""

from urllib.parse import quote, urljoin, urlsplit

from player.errors import EdgeAddressError, ForeignAddressError

LICENSE_PATH = "v1/licenses/clearkey"


def parse_edge_url(text: str) -> str:
    """The edge's address with a `/` at its end, ready to be joined with paths.

    Raises:
        EdgeAddressError: it is not an HTTP URL of a host, or carries a query or fragment.
    """
    try:
        parts = urlsplit(text.strip())
        has_host = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        raise EdgeAddressError("the edge's URL cannot be read") from None
    if parts.scheme not in {"http", "https"} or not has_host or parts.query or parts.fragment:
        raise EdgeAddressError("the edge's URL is not of the form http://HOST:PORT")
    return parts.geturl().rstrip("/") + "/"


def track_url(edge_url: str, track_id: str) -> str:
    """Where the record of a track is."""
    return f"{edge_url}v1/tracks/{quote(track_id, safe='')}"


def license_url(edge_url: str) -> str:
    """Where Clear Key licences are granted."""
    return edge_url + LICENSE_PATH


def resolve_within(edge_url: str, base_url: str, reference: str) -> str:
    """Resolve a reference of an answer from `base_url` (RFC 3986 section 5).

    Raises:
        ForeignAddressError: it leads out of the edge's address.
    """
    try:
        url = urljoin(base_url, reference)
        is_inside = url.startswith(edge_url) and urlsplit(url).path == urlsplit(url).path.strip()
    except ValueError:
        is_inside, url = False, ""
    if not is_inside:
        raise ForeignAddressError("an answer refers to an address that is not the edge's")
    return url


def seek_index_url(rendition_url: str) -> str:
    """The seek index beside a rendition: the same name with the extension `json`."""
    path, _, name = rendition_url.partition("?")[0].rpartition("/")
    stem = name.rpartition(".")[0]
    return f"{path}/{stem or name}.json"
