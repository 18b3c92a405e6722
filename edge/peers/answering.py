"""How a member answers another: as it is stored, with what listeners never see."""

import asyncio
from typing import Any, Final

from aiohttp import web
from typing_extensions import override

from edge.exchange import Exchange
from edge.fields import CACHE_NAME, Fields, member_fields
from edge.outcomes import Told
from edge.passing import Passer
from edge.peers.member import PeerAnswer
from edge.peers.wording import MET_FIELD, Met
from edge.ports import Upstream, UpstreamAnswer
from edge.representation import Representation
from edge.sending import Sender
from http_semantics.hop_by_hop import end_to_end_fields

# Else the HTTP library would name itself, and the asker would store that.
_SERVER: Final = "Server"


class MemberSender(Sender):
    """Sends stored responses to another member."""

    @override
    def _whole_fields(self, found: Representation) -> Fields:
        fields = found.fields.copy()
        fields.setdefault(_SERVER, CACHE_NAME)
        if found.status == 200:
            fields["Accept-Ranges"] = "none" if found.is_range_ignored else "bytes"
        return fields

    @override
    def _not_modified_fields(self, found: Representation) -> Fields:
        fields = found.fields.copy()
        fields.setdefault(_SERVER, CACHE_NAME)
        return fields

    @override
    def _told_fields(self, told: Told, exchange: Exchange) -> Fields:
        fields = told.fields.copy()
        fields.setdefault(_SERVER, CACHE_NAME)
        fields[MET_FIELD] = Met(exchange.result.value).field_value()
        return fields

    @override
    def _tell(self, fields: Fields, found: Representation, exchange: Exchange) -> None:
        age_s = found.age_s(now_s=self._clock())
        if age_s >= 1:
            fields["Age"] = str(int(age_s))
        fields[MET_FIELD] = Met(exchange.result.value, age_s).field_value()


class MemberPasser(Passer):
    """Passes on for another member what is not for the cache.

    Args:
        source: where all of it goes, and no further than it may.
        options: of `edge.passing.Passer`.
    """

    def __init__(self, source: Upstream, **options: Any) -> None:  # noqa: ANN401
        super().__init__(**options)
        self._source = source

    @override
    async def forward(
        self,
        request: web.BaseRequest,
        exchange: Exchange,
        upstream: Upstream,
        target: str,
        **options: Any,
    ) -> UpstreamAnswer:
        return await super().forward(request, exchange, self._source, target, **options)

    @override
    def _fields_up(self, request: web.BaseRequest, session: str | None) -> Fields:
        return member_fields(request.headers, is_for_all=False)

    @override
    def _fields(self, exchange: Exchange, answer: UpstreamAnswer) -> Fields:
        fields = end_to_end_fields(answer.headers)
        fields.setdefault(_SERVER, CACHE_NAME)
        met = answer.met if isinstance(answer, PeerAnswer) else Met(exchange.result.value)
        fields[MET_FIELD] = met.field_value()
        return fields


def answer_error(exchange: Exchange, reason: str, *, status: int) -> web.Response:
    """What a member is told that gets no answer."""
    exchange.status = status
    exchange.first_byte_s = asyncio.get_running_loop().time()
    met = Met(reason, is_error=True).field_value()
    return web.Response(status=status, headers={MET_FIELD: met, "Cache-Control": "no-store"})
