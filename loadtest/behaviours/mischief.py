"""What an origin may do wrong."""

from dataclasses import dataclass
from enum import StrEnum


class Mischief(StrEnum):
    """A kind of misbehaviour."""

    HANG = "hangs before the head"
    RESET_EARLY = "resets before the head"
    RESET = "resets within the content"
    TRUNCATE = "closes within the content"
    STALL = "stalls within the content"
    LENGTH_LONG = "announces more than it sends"
    LENGTH_SHORT = "announces less than it sends"
    IGNORE_RANGE = "answers ranges with everything"
    OTHER_RANGE = "answers with another range"
    NO_TOTAL = "answers ranges without the total"
    WRONG_TOTAL = "answers ranges with another total"
    UNASKED_206 = "answers 206 to a plain GET"
    UNASKED_304 = "answers 304 without a condition"
    ENDLESS_HEAD = "never ends its head"
    CHUNKED_GARBAGE = "sends chunks that are none"
    REDIRECT = "redirects"


@dataclass(frozen=True, slots=True)
class Fault:
    """A misbehaviour, and where in the content it sets in.

    Attributes:
        kind: which.
        after_bytes: how much content is sent rightly before, for those within the content.
    """

    kind: Mischief
    after_bytes: int = 0
