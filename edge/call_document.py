"""Documents of calls on the admin listener: one JSON object of known members. No I/O."""

from collections.abc import Sequence

import orjson

from edge.errors import DownstreamError


def decode_object(
    data: bytes, members: Sequence[str], *, error: type[DownstreamError]
) -> dict[str, object]:
    """Read a document.

    Raises:
        error: it is no object, or has other members.
    """
    try:
        document: object = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise error("the content is not JSON") from None
    if not isinstance(document, dict):
        raise error("the content is not a JSON object")
    if document.keys() - set(members):
        raise error(f"known members are: {', '.join(members)}")
    return document


def read_texts(value: object, name: str, *, error: type[DownstreamError]) -> list[str]:
    """A member's list of texts.

    Raises:
        error: it is none.
    """
    texts = [one for one in value if isinstance(one, str)] if isinstance(value, list) else None
    if texts is None or texts != value:
        raise error(f"`{name}` is a list of texts")
    return texts
