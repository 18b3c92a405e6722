"""Reading what an upstream says of an error: pages of text, and no more of them than fit."""

from enum import StrEnum
from typing import Final

import orjson

from edge.ports import UpstreamAnswer
from http_semantics.problem import CONTENT_TYPE

# A larger one goes to each listener on its own.
CONTENT_BYTES_MAX: Final = 64 * 1024


class Unready(StrEnum):
    """Problems with which an upstream says that it is sound but has nothing to give yet."""

    PACKAGING = "urn:attacca:problem:packaging"
    SESSION_BUSY = "urn:attacca:problem:session-busy"


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


def unready_of(answer: UpstreamAnswer, content: bytes) -> Unready | None:
    """Which of them an answer is, as a problem document; None if it is another error."""
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if answer.status != 503 or kind != CONTENT_TYPE:
        return None
    try:
        document: object = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    told = document.get("type") if isinstance(document, dict) else None
    return next((one for one in Unready if one == told), None)
