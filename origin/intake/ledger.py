"""What a label has uploaded today and what it has open: the account of its quota. No I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import orjson

from origin.errors import RecordError
from origin.intake.errors import QuotaExceededError, UploadTooLargeError
from origin.intake.labels import Quota
from packager.json_fields import JsonFields

LEDGERS_PREFIX: Final = "upload-ledgers/"
LEDGER_BYTES_MAX: Final = 1 << 20

_DAY_S: Final = 86_400
OPEN_UPLOADS_MAX: Final = 1000

# What an upload that somebody must end or let expire is worth waiting for.
_OPEN_WAIT_S: Final = 60


@dataclass(frozen=True, slots=True)
class Ledger:
    """An account.

    Attributes:
        day: days since the epoch.
        day_bytes: lengths of the uploads that were created on it.
        open_since_s: uploads that are not complete, with the time of their creation.
    """

    day: int = 0
    day_bytes: int = 0
    open_since_s: Mapping[str, int] = field(default_factory=dict)

    def opened(self, upload_id: str, length: int, quota: Quota, *, now_s: float) -> "Ledger":
        """The account with one more upload; the same one counts once.

        Raises:
            UploadTooLargeError: it is larger than uploads of this label may be.
            QuotaExceededError: there is no room for it today, or too many are open.
        """
        if length > quota.upload_bytes_max:
            raise UploadTooLargeError(length, size_max=quota.upload_bytes_max)
        if upload_id in self.open_since_s:
            return self
        if len(self.open_since_s) >= min(quota.open_uploads_max, OPEN_UPLOADS_MAX):
            raise QuotaExceededError(
                f"{len(self.open_since_s)} uploads are open",
                advice="Complete or terminate some of them first.",
                wait_s=_OPEN_WAIT_S,
                is_of_open_uploads=True,
            )
        day = int(now_s) // _DAY_S
        if day == self.day - 1:
            day = self.day  # Another origin's clock is ahead, and midnight has passed there.
        day_bytes = length + (self.day_bytes if day == self.day else 0)
        if quota.day_bytes_max is not None and day_bytes > quota.day_bytes_max:
            raise QuotaExceededError(
                f"{day_bytes} bytes in one day are more than {quota.day_bytes_max}",
                advice="Go on tomorrow (UTC), or have the label's quota raised.",
                wait_s=(day + 1) * _DAY_S - int(now_s),
            )
        return Ledger(day, day_bytes, {**self.open_since_s, upload_id: int(now_s)})

    def closed(self, *upload_ids: str) -> "Ledger":
        """The account without some open uploads."""
        gone = frozenset(upload_ids)
        others = {one: at_s for one, at_s in self.open_since_s.items() if one not in gone}
        return replace(self, open_since_s=others)


def encode_ledger(ledger: Ledger) -> bytes:
    """The bytes of an account."""
    return orjson.dumps(
        {
            "day": ledger.day,
            "day_bytes": ledger.day_bytes,
            "open_since_s": dict(ledger.open_since_s),
        }
    )


def decode_ledger(data: bytes) -> Ledger:
    """Undo `encode_ledger`.

    Raises:
        RecordError: this is no account.
    """
    try:
        fields = JsonFields(orjson.loads(data), "ledger", RecordError)
    except orjson.JSONDecodeError as error:
        raise RecordError(f"ledger is not JSON: {error}") from error
    opened = fields.take("open_since_s")
    if not isinstance(opened, dict) or len(opened) > OPEN_UPLOADS_MAX:
        raise RecordError("ledger.open_since_s is not an object")
    times = JsonFields(opened, "ledger.open_since_s", RecordError)
    ledger = Ledger(
        day=fields.integer("day"),
        day_bytes=fields.integer("day_bytes"),
        open_since_s={upload_id: times.integer(upload_id) for upload_id in opened},
    )
    fields.finish()
    return ledger
