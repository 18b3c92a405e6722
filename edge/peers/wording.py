"""What members say to each other beside HTTP: two fields, on the peer listener alone. No I/O.

A request tells how far it has come, so that it goes no further: from another node it may go on to
a worker of this node, from a worker of this node to nobody. An answer tells how the owner met it,
and its age to the millisecond: `Age` counts whole seconds, and what two members hold is to expire
at one and the same moment.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from multidict import MultiMapping

HOP_FIELD: Final = "Attacca-Peer-Hop"
MET_FIELD: Final = "Attacca-Peer-Met"
PEER_FIELDS: Final = frozenset({HOP_FIELD.lower(), MET_FIELD.lower()})

# What a call or its answer has at most. Purges and targets that are told at once take less, however
# they are escaped: the admin listener reads no more than 1 MiB, and of targets there are no more
# than a hundred, of 8 KiB.
CALL_BYTES_MAX: Final = 8 << 20

_MET: Final = re.compile(r"([a-z_-]{1,40})(?:; age=(\d{1,12}\.\d{3}))?(; error)?")


class Hop(StrEnum):
    """Who asks."""

    NODE = "node"
    """Another node."""
    WORKER = "worker"
    """Another worker of this node."""


@dataclass(frozen=True, slots=True)
class Met:
    """How the owner met a request.

    Attributes:
        result: a word of RFC 9211, or an error's reason.
        age_s: of the stored response that it was met from, if it was.
        is_error: the owner has no answer, and says why.
    """

    result: str
    age_s: float | None = None
    is_error: bool = False

    def field_value(self) -> str:
        """Of `MET_FIELD`."""
        age = "" if self.age_s is None else f"; age={max(0.0, self.age_s):.3f}"
        return self.result + age + ("; error" if self.is_error else "")


def read_hop(fields: MultiMapping[str]) -> Hop | None:
    """How far a request has come; None if it is no member's."""
    value = fields.get(HOP_FIELD)
    return next((one for one in Hop if one == value), None)


def read_met(fields: MultiMapping[str]) -> Met | None:
    """How the owner met a request; None if the answer is no member's."""
    match = _MET.fullmatch(fields.get(MET_FIELD, ""))
    if match is None:
        return None
    return Met(match[1], None if match[2] is None else float(match[2]), match[3] is not None)
