"""Reading what an upstream says of an error: pages of text, and no more of them than fit."""

from typing import Final

from edge.ports import UpstreamAnswer

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
