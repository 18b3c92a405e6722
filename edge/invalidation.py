"""What an unsafe method has changed is no longer used (RFC 9111 section 4.4, RFC 9875)."""

import logging
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from edge.contacts import Contacts
from edge.ports import UpstreamAnswer
from edge.purge_log import PurgeNotDurableError
from edge.purges import ApplyPurge, Purge, PurgeIncompleteError
from edge.slices import SliceStore
from edge.target import Target
from http_semantics.invalidation import invalidated_groups, invalidated_targets

logger = logging.getLogger(__name__)


Invalidate = Callable[[Sequence[str]], Awaitable[None]]
"""Lets go of what is stored for some targets, wherever that is."""


class Invalidation:
    """Lets go of what is stored when it was changed.

    Args:
        invalidate: what is stored for targets.
        purge: puts a purge into effect.
    """

    def __init__(self, invalidate: Invalidate, *, purge: ApplyPurge) -> None:
        self._invalidate = invalidate
        self._purge = purge

    async def heed(self, request: web.BaseRequest, target: Target, answer: UpstreamAnswer) -> None:
        """Let go of what the answer to a request has changed."""
        host = request.headers.get("Host", "")
        uri = f"{request.scheme}://{host}{target.upstream}"
        method, status, fields = request.method, answer.status, answer.headers
        changed = list(invalidated_targets(method, status, uri, fields))
        if changed:
            await self._invalidate(changed)
        groups = invalidated_groups(method, status, fields)
        if groups:
            try:
                await self._purge(Purge(tags=tuple(sorted(groups))))
            except (PurgeNotDurableError, PurgeIncompleteError) as error:
                # The origin has done its part: there is nothing to repeat.
                logger.warning("an invalidation is not all that it should be: %s", error)


def invalidate_here(store: SliceStore, contacts: Contacts, targets: Sequence[str]) -> None:
    """Let go of what this process has, and of what it is asking for."""
    for target in targets:
        store.invalidate(target)
        contacts.disown(target)
