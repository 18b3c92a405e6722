"""What clients may make the edge fetch beyond what they asked for. No I/O, no clock.

Whole slices are fetched for small ranges, since what lies beside them is mostly asked for next. A
client that asks for single bytes all over large files would have the origin send thousands of times
as much. What it is not sent is its debt; what it is sent pays it off, and so does time.
"""

from collections import OrderedDict


class OriginBudget:
    """Keeps the debts of clients.

    Args:
        debt_bytes_max: above this a client gets exactly what it asks for, past the cache.
        forgiven_bytes_per_s: of each debt.
        clients_max: whose debts are remembered; the longest silent are forgotten first.
    """

    def __init__(
        self, *, debt_bytes_max: int, forgiven_bytes_per_s: float, clients_max: int
    ) -> None:
        assert clients_max > 0
        self._debt_bytes_max = debt_bytes_max
        self._forgiven_bytes_per_s = forgiven_bytes_per_s
        self._clients_max = clients_max
        self._debts: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._debts)

    def is_spent(self, client: str, *, now_s: float) -> bool:
        """Whether nothing more is fetched beyond what a client asks for."""
        return bool(self._debts) and self._debt(client, now_s) > self._debt_bytes_max

    def note_fetched(self, client: str, extra_bytes: int, *, now_s: float) -> None:
        """So many bytes were fetched beyond what a client asked for."""
        if extra_bytes <= 0:
            return
        debt = self._debt(client, now_s) + extra_bytes
        self._debts.pop(client, None)
        self._debts[client] = debt, now_s
        if len(self._debts) > self._clients_max:
            self._debts.popitem(last=False)

    def note_sent(self, client: str, content_bytes: int) -> None:
        """So many bytes were sent to a client, from wherever."""
        found = self._debts.get(client)
        if found is not None:
            debt, since_s = found
            if debt <= content_bytes:
                del self._debts[client]
            else:
                self._debts[client] = debt - content_bytes, since_s

    def _debt(self, client: str, now_s: float) -> float:
        debt, since_s = self._debts.get(client, (0.0, now_s))
        return max(0.0, debt - (now_s - since_s) * self._forgiven_bytes_per_s)
