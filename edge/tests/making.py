"""Makes representations for tests of pure modules."""

from multidict import CIMultiDict, CIMultiDictProxy

from edge.representation import Representation, ResponseHead, SentRequest, read_head
from http_semantics.cache_control import NO_DIRECTIVES

NOW_S = 1_700_000_000.0


def head_from(
    status: int = 200,
    *,
    is_token_checked: bool = False,
    is_authorized: bool = False,
    **fields: str,
) -> ResponseHead:
    """A head; field names with underscores, the usual ones unless they are given as ""."""
    usual = {"ETag": '"v1"', "Cache-Control": "max-age=60", "Content-Length": "1000"}
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    headers: CIMultiDict[str] = CIMultiDict(usual)
    headers.update(named)
    for name in [name for name, value in headers.items() if not value]:
        del headers[name]
    sent: CIMultiDict[str] = CIMultiDict({"Authorization": "Basic YTpi"} if is_authorized else {})
    return read_head(
        status,
        CIMultiDictProxy(headers),
        SentRequest(sent, NO_DIRECTIVES, is_token_checked),
        request_s=NOW_S,
        response_s=NOW_S,
    )


def representation_of(
    head: ResponseHead | None = None,
    *,
    target: str = "/a",
    complete_length: int = 1000,
    slice_bytes: int = 100,
) -> Representation:
    return Representation.from_head(
        target,
        head or head_from(),
        complete_length=complete_length,
        slice_bytes=slice_bytes,
        nonce="nonce",
    )
