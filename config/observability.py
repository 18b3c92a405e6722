"""Logging of a process: standard `logging` records, as JSON lines or as text for people.

Libraries and components only ask for loggers; this is the one place that configures them. A line
of JSON is written for every request, so its formatter does no more than it must; text on a
terminal is structlog's. Neither shows local variables of a traceback: among them are keys and
tokens.
"""

import logging
import sys
from datetime import UTC, datetime
from typing import Final

import orjson
import structlog
from typing_extensions import override

_TEXT_CHAIN: Final[list[structlog.types.Processor]] = [
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]

# What every record has; whatever else it carries was handed over as `extra`.
_OWN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """One JSON object a record: `event`, `level`, `logger`, `timestamp`, and its facts."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`."""
        facts = {
            "timestamp": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        facts.update((name, fact) for name, fact in vars(record).items() if name not in _OWN)
        if record.exc_info:
            facts["exception"] = self.formatException(record.exc_info)
        # A fact may be anything: what JSON has no form for is shown as text.
        return orjson.dumps(facts, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def configure_logging(*, level: str = "INFO", is_json: bool | None = None) -> None:
    """Send the records of this process to standard error.

    Args:
        level: the least severe level to show, by name.
        is_json: JSON lines or text; None chooses text for a terminal.
    """
    if is_json is None:
        is_json = not sys.stderr.isatty()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if is_json else _text_formatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("asyncio").setLevel(logging.WARNING)


def _text_formatter() -> logging.Formatter:
    renderer = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_TEXT_CHAIN,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
