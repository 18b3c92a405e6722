"""What inspecting a master tells, and its JSON for the pipe from a worker. No I/O."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

from packager.jobs import MasterFacts, master_facts_from_json, master_facts_to_json
from packager.json_fields import JsonFields
from packager.loudness import Loudness, loudness_from_json, loudness_to_json

# Of two minutes; an item for each eighth of a second.
_FINGERPRINT_ITEMS_MAX: Final = 1000
_ITEM_BITS: Final = 32


@dataclass(frozen=True, slots=True)
class Edge:
    """The first or last samples of a master, for whoever is encoded next to it.

    The samples are in a file of their own: 32-bit floating point, little-endian, interleaved, at
    the master's rate and channels.

    Attributes:
        frames: how many; all of a short master.
        sha256: of that file, hexadecimal.
        is_silent: whether nothing is heard at the very edge, so that a neighbour does not matter.
    """

    frames: int
    sha256: str
    is_silent: bool


@dataclass(frozen=True, slots=True)
class Inspection:
    """What decoding all of a master told.

    Attributes:
        facts: of the master.
        loudness: of the master as it is.
        stereo_loudness: of the stereo that more than two channels are mixed down to; None for
            a master of one or two.
        fingerprint: Chromaprint of the beginning, as 32-bit numbers; empty for a master too short.
        head: its beginning.
        tail: its end.
    """

    facts: MasterFacts
    loudness: Loudness
    stereo_loudness: Loudness | None
    fingerprint: tuple[int, ...]
    head: Edge
    tail: Edge


def edge_to_json(edge: Edge) -> dict[str, object]:
    """`edge` as objects that any JSON encoder takes."""
    return asdict(edge)


def edge_from_json(fields: JsonFields) -> Edge:
    """Undo `edge_to_json`.

    Raises:
        Exception: the error of `fields`, for a member that is missing, unknown or wrong.
    """
    edge = Edge(
        frames=fields.integer("frames", minimum=1),
        sha256=fields.hexadecimal("sha256", sizes=(64,)),
        is_silent=fields.boolean("is_silent"),
    )
    fields.finish()
    return edge


def inspection_to_json(inspection: Inspection) -> dict[str, object]:
    """`inspection` for the pipe from a worker."""
    stereo = inspection.stereo_loudness
    return {
        "facts": master_facts_to_json(inspection.facts),
        "loudness": loudness_to_json(inspection.loudness),
        "stereo_loudness": None if stereo is None else loudness_to_json(stereo),
        "fingerprint": list(inspection.fingerprint),
        "head": edge_to_json(inspection.head),
        "tail": edge_to_json(inspection.tail),
    }


def inspection_from_json(value: Mapping[str, object]) -> Inspection:
    """Undo `inspection_to_json`.

    Raises:
        ValueError: a member is missing or wrong.
    """
    fields = JsonFields(dict(value), "inspection", ValueError)
    inspection = Inspection(
        facts=master_facts_from_json(fields.take("facts")),
        loudness=loudness_from_json(fields.fields("loudness")),
        stereo_loudness=_stereo_from_json(fields.take("stereo_loudness")),
        fingerprint=fields.items("fingerprint", _item, count_max=_FINGERPRINT_ITEMS_MAX),
        head=edge_from_json(fields.fields("head")),
        tail=edge_from_json(fields.fields("tail")),
    )
    fields.finish()
    return inspection


def _stereo_from_json(value: object) -> Loudness | None:
    if value is None:
        return None
    return loudness_from_json(JsonFields(value, "inspection.stereo_loudness", ValueError))


def _item(value: object, path: str) -> int:
    if type(value) is not int or not 0 <= value < 1 << _ITEM_BITS:
        raise ValueError(f"{path} is not a number of {_ITEM_BITS} bits")
    return value
