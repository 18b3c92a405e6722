"""Cache keys whose answers are not storable: nobody waits for anybody there. No I/O."""

from collections import OrderedDict


class Uncacheables:
    """Remembers keys for a moment.

    Args:
        keys_max: how many; the oldest are forgotten first.
        remembered_s: for how long.
    """

    def __init__(self, *, keys_max: int, remembered_s: float) -> None:
        assert keys_max > 0
        self._keys_max = keys_max
        self._remembered_s = remembered_s
        self._entries: OrderedDict[str, tuple[float, str]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def note(self, key: str, reason: str, *, now_s: float) -> None:
        """Remember that answers under `key` are not storable, as of `now_s` (monotonic)."""
        self._entries.pop(key, None)
        self._entries[key] = (now_s + self._remembered_s, reason)
        if len(self._entries) > self._keys_max:
            self._entries.popitem(last=False)

    def reason_of(self, key: str, *, now_s: float) -> str | None:
        """Why answers under `key` are not storable; None if nothing is known of it."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        until_s, reason = entry
        if now_s >= until_s:
            del self._entries[key]
            return None
        return reason


def range_key(key: str) -> str:
    """Under which it is remembered that ranges of a resource cannot be stored; the whole may be."""
    return f"range {key}"  # No key begins like this: all begin with "/".


def whole_key(key: str) -> str:
    """Under which it is remembered that all of a resource is too much; ranges may be stored."""
    return f"whole {key}"


def personal_key(key: str) -> str:
    """Under which it is remembered that answers to those who say who they are are not storable."""
    return f"personal {key}"
