"""`POST /admin/purge` on the admin listener, whose guard asks for the operator's credential.

The answer comes when the purge is in effect: no request that begins afterwards is served what was
purged.
"""

import logging
from collections.abc import Callable
from typing import Final

import orjson
from aiohttp import web

from config.listener import problem_of, problem_response
from edge.call_content import CONTENT_S_MAX, read_content
from edge.errors import EdgeError
from edge.purge_log import PurgeNotDurableError
from edge.purge_request import decode_purge
from edge.purges import ApplyPurge, Purge, PurgeIncompleteError
from http_semantics.problem import Problem

logger = logging.getLogger(__name__)

PURGE_PATH: Final = "/admin/purge"


class PurgeApi:
    """Takes purges.

    Args:
        purge: puts one into effect, for good.
        is_token_checked: how the targets of requests are read on this node.
        members: names of all others that purge, too.
        content_s_max: how long a caller may take to send a request's content.
    """

    def __init__(
        self,
        purge: ApplyPurge,
        *,
        is_token_checked: bool,
        members: Callable[[], list[str]] = list,
        content_s_max: float = CONTENT_S_MAX,
    ) -> None:
        self._purge = purge
        self._members = members
        self._is_token_checked = is_token_checked
        self._content_s_max = content_s_max

    def add_to(self, admin: web.Application) -> None:
        """Serve it on the admin listener."""
        admin.router.add_post(PURGE_PATH, self._post)

    async def _post(self, request: web.Request) -> web.Response:
        try:
            data = await read_content(request, within_s=self._content_s_max)
            purge = decode_purge(data, is_token_checked=self._is_token_checked)
        except EdgeError as error:
            return problem_response(problem_of(error))
        try:
            sequence = await self._purge(purge)
        except PurgeNotDurableError as error:
            return problem_response(Problem("purge-not-durable", str(error), 503))
        except PurgeIncompleteError as error:
            logger.warning("not purged everywhere", extra={"failed": dict(error.failed)})
            return problem_response(_incomplete(purge, error))
        members = self._members()
        facts: dict[str, object] = {
            "applied": purge.entries,
            "sequence": sequence,
            "soft": purge.is_soft,
            **({"members": members} if members else {}),
        }
        logger.info("purged", extra={**facts, "all": purge.is_all})
        return web.Response(
            body=orjson.dumps(facts),
            content_type="application/json",
            headers={"Cache-Control": "no-store"},
        )


def _incomplete(purge: Purge, error: PurgeIncompleteError) -> Problem:
    members = {
        "failed": dict(error.failed),
        "applied": purge.entries,
        "sequence": error.sequence,
        "soft": purge.is_soft,
    }
    reasons = "; ".join(f"{name}: {reason}" for name, reason in sorted(error.failed.items()))
    return Problem(
        "purge-incomplete",
        "The purge is in effect here, and not on all members.",
        502,
        detail=f"{reasons}. They are told again until they have it",
        members=members,
        headers={"Cache-Control": "no-store"},
    )
