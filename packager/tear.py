"""What is found missing from a master without decoding it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tear:
    """Something that is missing from a master, or damaged in it.

    Attributes:
        detail: what is missing, for people.
        sample: where it breaks; None if only decoding can tell.
    """

    detail: str
    sample: int | None = None


def find_short_end(end: int, size: int, sample: int | None = None) -> Tear | None:
    """Whether a file of `size` bytes ends before its audio should, at `end`.

    Args:
        end: where the audio ends, as it was announced.
        size: of the file.
        sample: the first one that is missing then.
    """
    if end <= size:
        return None
    return Tear(f"the audio should end at byte {end}, the file ends at {size}", sample)
