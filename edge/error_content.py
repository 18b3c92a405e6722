"""Reading what an upstream says of an error: pages of text, and no more of them than fit."""

from typing import Final

import orjson

from edge.ports import UpstreamAnswer
from http_semantics.problem import CONTENT_TYPE

_PACKAGING: Final = "urn:attacca:problem:packaging"

# A larger one goes to each listener on its own.
CONTENT_BYTES_MAX: Final = 64 * 1024


async def read_error_content(answer: UpstreamAnswer) -> bytes | None:
    """The content of an answer, whole; None if it is too long for an error.

    Raises:
        UpstreamError: it does not arrive.
    """
    content = b""
    while chunk := await answer.read_some():
        content += chunk
        if len(content) > CONTENT_BYTES_MAX:
            return None
    return content


def is_packaging(answer: UpstreamAnswer, content: bytes) -> bool:
    """Whether the upstream is making what was asked for, and says so in a problem document."""
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if answer.status != 503 or kind != CONTENT_TYPE:
        return False
    try:
        document: object = orjson.loads(content)
    except orjson.JSONDecodeError:
        return False
    return isinstance(document, dict) and document.get("type") == _PACKAGING
