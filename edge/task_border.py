"""The border of the edge's tasks: how a task ended is told to those who wait for its work.

Nobody waits for the task itself, so an error that went further would end the edge.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator

from edge.errors import EdgeError, PackagingError, SessionBusyError, UpstreamError
from edge.metrics import EdgeCounts

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def task_border(
    tell: Callable[[EdgeError | None], None], *, work: str, counts: EdgeCounts
) -> Iterator[None]:
    """Run the work of a task; errors end here.

    Args:
        tell: called once at the end, with what went wrong or None.
        work: what it is, for the log and for those who wait.
        counts: errors of the edge are counted, unless a sound upstream asks for patience; anything
            else is a fault of ours and logged.

    Raises:
        asyncio.CancelledError: the task was cancelled; those who wait are told first.
    """
    error: EdgeError | None = None
    try:
        yield
    except EdgeError as raised:
        error = raised
        if not isinstance(raised, PackagingError | SessionBusyError):
            counts.note_upstream_error(raised)
    except asyncio.CancelledError:
        error = UpstreamError("this node is shutting down")
        raise
    except Exception:
        logger.exception("a task failed", extra={"work": work})
        error = EdgeError(f"{work} failed")
    finally:
        tell(error)
