"""A GET or HEAD on its way through the cache."""

from dataclasses import dataclass

from aiohttp import web
from multidict import CIMultiDictProxy

from edge.connection import pass_interim
from edge.exchange import Exchange
from edge.fields import Fields, fill_fields
from edge.lookup import Ask
from edge.target import Target
from http_semantics.reuse import UNLIMITED, RequestLimits, read_limits


@dataclass(slots=True)
class CacheRequest:
    """A request, and what has been read of it.

    Attributes:
        raw: as it came.
        target: of it.
        ask: its conditions and ranges.
        exchange: notes what becomes of it.
        is_token_checked: nothing of the listener's goes upstream, so no field selects a variant.
        limits: on what may be sent.
    """

    raw: web.BaseRequest
    target: Target
    ask: Ask
    exchange: Exchange
    is_token_checked: bool
    limits: RequestLimits = UNLIMITED
    _fill_fields: Fields | None = None

    @classmethod
    def read(
        cls,
        raw: web.BaseRequest,
        target: Target,
        exchange: Exchange,
        *,
        is_token_checked: bool,
        fill_fields: Fields | None = None,
    ) -> "CacheRequest":
        """Read what decides of a request.

        While tokens are checked a listener has no say in what the origin is asked again: everybody
        gets the same.

        Args:
            raw: the request.
            target: of it.
            exchange: notes what becomes of it.
            is_token_checked: nothing of the listener's goes upstream.
            fill_fields: what goes instead of what follows from the request.
        """
        limits = UNLIMITED if is_token_checked else read_limits(raw.headers)
        ask = Ask.from_headers(raw.method, raw.headers)
        return cls(raw, target, ask, exchange, is_token_checked, limits, fill_fields)

    def pass_interim(self, status: int, fields: CIMultiDictProxy[str]) -> None:
        """Send an interim response on to the listener, if his answer has not begun."""
        if not self.exchange.status:
            pass_interim(self.raw, status, fields)

    @property
    def fill_fields(self) -> Fields:
        """Fields of a request for all listeners; not to be changed."""
        if self._fill_fields is None:
            self._fill_fields = fill_fields(
                self.raw.headers,
                is_token_checked=self.is_token_checked,
                session=self.exchange.session,
            )
            if self.ask.ranges is not None:  # Of the representation itself, not of a coding of it.
                self._fill_fields["Accept-Encoding"] = "identity"
        return self._fill_fields

    @property
    def selecting_fields(self) -> Fields | None:
        """Fields that may select a variant; None if there can be none."""
        return None if self.is_token_checked else self.fill_fields
