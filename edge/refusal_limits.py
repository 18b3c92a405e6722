"""How often one client may present a token that is refused. No I/O, no clock.

Checking a signature costs a hundred times what a hit costs, so whoever keeps sending tokens that do
not verify is told to wait before the next signature is computed: a token bucket for each address.
"""

import math
from collections import OrderedDict

from edge.errors import TooManyRefusalsError


class RefusalLimits:
    """A bucket of allowed refusals for each client address.

    Args:
        burst: refusals at once.
        refill_per_s: refusals a second that are allowed in the long run.
        clients_max: addresses to remember; the one that was quiet for longest is forgotten.
    """

    def __init__(self, *, burst: int, refill_per_s: float, clients_max: int) -> None:
        assert burst > 0
        assert refill_per_s > 0
        assert clients_max > 0
        self._burst = burst
        self._refill_per_s = refill_per_s
        self._clients_max = clients_max
        # Address to (refusals that count, when they were counted).
        self._clients: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._clients)

    def check(self, client: str, *, now_s: float) -> None:
        """Let a client go on.

        Args:
            client: its address.
            now_s: monotonic time.

        Raises:
            TooManyRefusalsError: it has to wait first.
        """
        refusals = self._refusals(client, now_s)
        if refusals > self._burst - 1:
            wait_s = (refusals - self._burst + 1) / self._refill_per_s
            raise TooManyRefusalsError(math.ceil(wait_s))

    def note_refusal(self, client: str, *, now_s: float) -> None:
        """Count one refused token of a client."""
        refusals = self._refusals(client, now_s)
        self._clients[client] = (refusals + 1, now_s)
        self._clients.move_to_end(client)
        if len(self._clients) > self._clients_max:
            self._clients.popitem(last=False)

    def _refusals(self, client: str, now_s: float) -> float:
        entry = self._clients.get(client)
        if entry is None:
            return 0.0
        refusals, counted_s = entry
        left = refusals - (now_s - counted_s) * self._refill_per_s
        if left > 0:
            return left
        del self._clients[client]
        return 0.0
