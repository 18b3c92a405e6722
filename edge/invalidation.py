"""What an unsafe method has changed is no longer used (RFC 9111 section 4.4, RFC 9875)."""

import logging

from aiohttp import web

from edge.contacts import Contacts
from edge.ports import UpstreamAnswer
from edge.purge_log import PurgeNotDurableError
from edge.purges import ApplyPurge, Purge
from edge.slices import SliceStore
from edge.target import Target
from http_semantics.invalidation import invalidated_groups, invalidated_targets

logger = logging.getLogger(__name__)


class Invalidation:
    """Lets go of what is stored when it was changed.

    Args:
        store: what is known.
        contacts: what is being asked for.
        purge: puts a purge into effect.
    """

    def __init__(self, store: SliceStore, contacts: Contacts, *, purge: ApplyPurge) -> None:
        self._store = store
        self._contacts = contacts
        self._purge = purge

    async def heed(self, request: web.BaseRequest, target: Target, answer: UpstreamAnswer) -> None:
        """Let go of what the answer to a request has changed."""
        host = request.headers.get("Host", "")
        uri = f"{request.scheme}://{host}{target.upstream}"
        method, status, fields = request.method, answer.status, answer.headers
        for changed in invalidated_targets(method, status, uri, fields):
            self._store.invalidate(changed)
            self._contacts.disown(changed)
        groups = invalidated_groups(method, status, fields)
        if groups:
            try:
                await self._purge(Purge(tags=tuple(sorted(groups))))
            except PurgeNotDurableError:
                # It is in effect, and the origin has done its part: there is nothing to repeat.
                logger.warning("an invalidation may not outlive a crash")
