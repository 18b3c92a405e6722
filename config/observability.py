"""Logging of a process: standard `logging` records, rendered by structlog.

Libraries and components only ask for loggers; this is the one place that configures them. On a
terminal lines are for people, elsewhere they are JSON objects, one a line.
"""

import logging
import sys
from typing import Final

import orjson
import structlog

_TIMESTAMP: Final = structlog.processors.TimeStamper(fmt="iso", utc=True)
# Without the values of local variables: among them are keys and tokens.
_TRACEBACKS: Final = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)
_SHARED: Final[list[structlog.types.Processor]] = [
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    _TIMESTAMP,
]


def configure_logging(*, level: str = "INFO", is_json: bool | None = None) -> None:
    """Send the records of this process to standard error.

    Args:
        level: the least severe level to show, by name.
        is_json: JSON lines or text; None chooses text for a terminal.
    """
    if is_json is None:
        is_json = not sys.stderr.isatty()
    renderer: list[structlog.types.Processor] = (
        [_TRACEBACKS, structlog.processors.JSONRenderer(_json_text)]
        if is_json
        else [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        ]
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("asyncio").setLevel(logging.WARNING)


def _json_text(document: object, **_: object) -> str:
    # Facts of a record may be anything: what JSON has no form for is shown as text.
    return orjson.dumps(document, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
