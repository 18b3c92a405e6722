"""What a worker is told at its start, as a document in memory: it holds secrets.

It reaches the worker as a file without a name (memfd), never as an argument or a variable.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, Final, Self

import orjson
from pydantic import SecretStr

from config.credentials import Credential
from config.settings import load_settings
from edge.app import EdgeCredentials
from edge.listening import ListenerKind
from edge.settings import EdgeSettings
from edge.slot import Slot

_ROLE: Final = "edge"


@dataclass(frozen=True, slots=True)
class Brief:
    """What a worker is to do.

    Attributes:
        settings: of the node.
        credentials: what it shows, and what its supervisor shows it.
        slot: its place.
        admin_path: where it listens for its supervisor.
        media: descriptors of its slot's queues, by listener.
        is_successor: another worker of this slot may still have its disk folders.
        silence_s: after so long without a word it is taken to hang; 0: no word is expected, or
            would be understood.
    """

    settings: EdgeSettings
    credentials: EdgeCredentials = field(repr=False)
    slot: Slot
    admin_path: Path
    media: Mapping[ListenerKind, tuple[int, ...]]
    is_successor: bool
    silence_s: float = 0.0

    def encode(self) -> bytes:
        """The document."""
        edge, operator = self.credentials.edge, self.credentials.operator
        facts = {
            "settings": self.settings.model_dump(),
            "edge": None if edge is None else edge.reveal(),
            "operator": None if operator is None else operator.reveal(),
            "slot": [self.slot.number, self.slot.count, self.slot.run_dir],
            "admin_path": self.admin_path,
            "media": self.media,
            "is_successor": self.is_successor,
            "silence_s": self.silence_s,
        }
        return orjson.dumps(facts, default=_plain, option=orjson.OPT_NON_STR_KEYS)

    @classmethod
    def decode(cls, document: bytes) -> Self:
        """Read it again.

        Raises:
            SettingsError: the settings are none.
        """
        facts: dict[str, Any] = orjson.loads(document)
        number, count, run_dir = facts["slot"]
        return cls(
            settings=load_settings(EdgeSettings, _ROLE, overrides=facts["settings"]),
            credentials=EdgeCredentials(_credential(facts["edge"]), _credential(facts["operator"])),
            slot=Slot(number, count, Path(run_dir)),
            admin_path=Path(facts["admin_path"]),
            media={ListenerKind(name): tuple(fds) for name, fds in facts["media"].items()},
            is_successor=facts["is_successor"],
            silence_s=facts.get("silence_s", 0.0),  # An earlier program's supervisor says nothing.
        )


def file_in_memory(content: bytes) -> int:
    """A descriptor of a file that has no name, at its beginning."""
    fd = os.memfd_create("attacca", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(fd), "wb") as file:
            file.write(content)
        os.lseek(fd, 0, os.SEEK_SET)
    except BaseException:
        os.close(fd)
        raise
    return fd


def read_file_in_memory(fd: int) -> bytes:
    """All of it; the descriptor is closed."""
    with os.fdopen(fd, "rb") as file:
        file.seek(0)
        return file.read()


def _credential(text: str | None) -> Credential | None:
    return None if text is None else Credential(text)


def _plain(value: object) -> object:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, Path | IPv4Network | IPv6Network):
        return str(value)
    raise TypeError(type(value).__name__)
