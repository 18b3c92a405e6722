"""Lines of the access log for hits of the fast lane, made with as little work as possible. No I/O.

They are what `edge.access_line` makes of the same facts. Nothing in them needs an escape: paths
come with theirs, the rest has been checked to hold no character that does.
"""

from edge.plain_requests import Bounds


def moment_of_hit_lines(stamp: str, edge_s: float) -> tuple[str, str]:
    """What all lines of one moment have in common: their beginning, and how long answers took.

    Args:
        stamp: the moment, as `edge.access_line` writes it.
        edge_s: how long answers took, in seconds.
    """
    edge_ms = int(edge_s * 1e6) / 1e3
    return (
        f'{{"timestamp":"{stamp}","event":"request","method":"',
        f'"first_byte_ms":{edge_ms},"duration_ms":{edge_ms},"client":"',
    )


def hit_line(
    moment: tuple[str, str],
    is_head: bool,  # noqa: FBT001
    path: str,
    bounds: Bounds | None,
    content_bytes: int,
    listener: tuple[str, str],
) -> str:
    """A line, with its line end.

    Args:
        moment: see `moment_of_hit_lines`.
        is_head: the request was a HEAD.
        path: as a text of JSON, with its quotation marks.
        bounds: of the range; None without one.
        content_bytes: that were sent.
        listener: the address of the client, and the session; empty without one.
    """
    begin, times = moment
    client, session = listener
    method = "HEAD" if is_head else "GET"
    more = f'","session":"{session}"' if session else '"'
    if bounds is None:
        status = 200
    else:
        status = 206
        more = f'{more},"range":"bytes={bounds[0].decode()}-{bounds[1].decode()}"'
    return (
        f'{begin}{method}","path":{path},"status":{status},"result":"hit",'
        f'"content_bytes":{content_bytes},{times}{client}{more}}}\n'
    )
