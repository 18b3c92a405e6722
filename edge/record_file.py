"""Records of stored responses as bytes, for the disk tier. No I/O.

JSON, since field values may hold bytes that are no UTF-8: they are kept as escaped surrogates.
"""

import json
from collections.abc import Sequence
from typing import Any

from multidict import CIMultiDict

from edge.representation import TARGETED_FIELDS, Representation
from http_semantics.freshness import ResponseTimes
from http_semantics.preconditions import Validators
from http_semantics.storing import policy_of
from http_semantics.vary import Selecting


class RecordError(ValueError):
    """These bytes are no records that this version of the edge has written."""


def encode_records(target: str, variants: Sequence[Representation]) -> bytes:
    """The records of a target's variants, the latest first."""
    document = {"target": target, "variants": [_encode(one) for one in variants]}
    return json.dumps(document, separators=(",", ":")).encode()


def decode_records(data: bytes | bytearray, target: str) -> list[Representation]:
    """The records of a target's variants, in their order.

    Raises:
        RecordError: they cannot be read, or are another target's.
    """
    try:
        document = json.loads(data)
        if document["target"] != target:
            raise RecordError("records of another target")
        return [_decode(target, one) for one in document["variants"]]
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise RecordError("no records of this version") from error


def _encode(one: Representation) -> dict[str, object]:
    times = one.times
    return {
        "status": one.status,
        "validator": one.validator,
        "has_strong_validator": one.has_strong_validator,
        "complete_length": one.complete_length,
        "slice_bytes": one.slice_bytes,
        "fields": list(one.fields.items()),
        "times": [times.request_s, times.response_s, times.date_s, times.age_s],
        "selecting": [one.selecting.names, one.selecting.values],
        "purge_sequence": one.purge_sequence,
        "is_purged_softly": one.is_purged_softly,
        "is_range_ignored": one.is_range_ignored,
    }


def _decode(target: str, document: dict[str, Any]) -> Representation:
    fields = CIMultiDict([(str(name), str(value)) for name, value in document["fields"]])
    times = ResponseTimes(*(float(one) for one in document["times"]))
    names, values = document["selecting"]
    status, sequence = int(document["status"]), int(document["purge_sequence"])
    return Representation(
        target=target,
        status=status,
        validator=str(document["validator"]),
        has_strong_validator=bool(document["has_strong_validator"]),
        complete_length=int(document["complete_length"]),
        slice_bytes=int(document["slice_bytes"]),
        fields=fields,
        validators=Validators.from_fields(fields.get, now_s=times.response_s),
        times=times,
        policy=policy_of(fields, status=status, times=times, targets=TARGETED_FIELDS),
        selecting=Selecting(tuple(names), tuple(values)),
        purge_sequence=sequence,
        born_sequence=sequence,
        is_purged_softly=bool(document["is_purged_softly"]),
        is_range_ignored=bool(document["is_range_ignored"]),
        is_on_disk=True,
    )
