"""The way past the cache: a request goes on as it is, and its answer comes back as it is.

The answer to HEAD may tell of what is stored: RFC 9111 section 4.3.5.
"""

from aiohttp import web

from edge.cache_request import CacheRequest
from edge.errors import NotStoredError
from edge.passing import Passer
from edge.ports import Upstream, UpstreamAnswer
from edge.representation import Representation
from edge.slices import SliceStore
from edge.upstream_answers import head_of
from http_semantics.cache_status import Forward
from http_semantics.updating import HeadUpdate, head_update


class PastCache:
    """Passes requests of the cache on.

    Args:
        passer: does so.
        store: what is known.
        origin: where they go.
        told_of: where HEAD goes, which may know as much.
        is_token_checked: decides which fields pass.
    """

    def __init__(
        self,
        passer: Passer,
        store: SliceStore,
        *,
        origin: Upstream,
        told_of: Upstream,
        is_token_checked: bool,
    ) -> None:
        self._passer = passer
        self._store = store
        self._origin = origin
        self._told_of = told_of
        self._is_token_checked = is_token_checked

    async def answer(
        self, request: CacheRequest, answer: UpstreamAnswer | None = None
    ) -> web.StreamResponse:
        """Answer a request with what the upstream says, or with an answer that is there.

        Raises:
            NotStoredError: nothing but what is stored was asked for.
            UpstreamError: there is no answer.
        """
        if request.limits.is_only_if_cached:
            raise NotStoredError("what is stored is not what is asked for")
        if answer is None:
            answer = await self.forward(request)
        request.exchange.forward_status = answer.status
        return await self._passer.stream_back(request.raw, request.exchange, answer)

    async def forward(self, request: CacheRequest) -> UpstreamAnswer:
        """Send a request on; let the answer to HEAD tell of what is stored.

        Raises:
            UpstreamError: there is no answer.
        """
        known = None
        if request.ask.method == "HEAD" and request.ask.conditions is None:
            known = self._store.select(request.target.upstream, request.selecting_fields)
        sequence = 0 if known is None else known.purge_sequence
        is_bypass = request.exchange.forward is Forward.BYPASS
        is_told = request.ask.method == "HEAD" and not is_bypass
        answer = await self._passer.forward(
            request.raw,
            request.exchange,
            self._told_of if is_told else self._origin,
            request.target.upstream,
            is_session_told=True,
        )
        if known is not None and self._store.is_offered(known):
            self._learn_from_head(request, answer, known, purge_sequence=sequence)
        return answer

    def _learn_from_head(
        self,
        request: CacheRequest,
        answer: UpstreamAnswer,
        found: Representation,
        *,
        purge_sequence: int,
    ) -> None:
        """Let the answer to HEAD freshen what is stored, or tell that it has changed.

        Args:
            request: that it answers.
            answer: of which the head is here.
            found: what was stored when it was asked for.
            purge_sequence: the newest purge that this had been weighed against by then.
        """
        update = head_update(
            found.fields,
            answer.headers,
            status=answer.status,
            complete_length=found.complete_length,
        )
        head = head_of(answer, request.fill_fields, is_token_checked=self._is_token_checked)
        if update is HeadUpdate.INVALIDATE:
            found.is_purged_softly = True
            self._store.make_current(found)
        elif update is HeadUpdate.FRESHEN and head.refusal is None:
            found.freshen(head, purge_sequence=purge_sequence)
            self._store.make_current(found)
