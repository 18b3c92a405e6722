"""Telling a service manager how far this process is, as systemd asks for it (`sd_notify(3)`)."""

import logging
import os
import socket
import time
from typing import Final

logger = logging.getLogger(__name__)

_VARIABLE: Final = "NOTIFY_SOCKET"


def notify_ready() -> None:
    """It serves, or does so again after a reload."""
    _notify("READY=1")


def notify_reloading() -> None:
    """Its settings are being read anew; `notify_ready` follows."""
    _notify(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")


def notify_stopping() -> None:
    """It is about to end."""
    _notify("STOPPING=1")


def _notify(text: str) -> None:
    path = os.environ.get(_VARIABLE, "")
    if not path.startswith(("/", "@")):
        return  # Nobody asks.
    # A name that begins with NUL is written with an @ in a variable.
    address = f"\0{path[1:]}" if path.startswith("@") else path
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as teller:
            teller.sendto(text.encode(), socket.MSG_DONTWAIT, address)
    except OSError as error:
        # It waits for this, and ends what does not tell it in time.
        extra = {"text": text.partition("\n")[0], "error": str(error)}
        logger.warning("the service manager could not be told", extra=extra)
