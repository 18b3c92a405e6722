"""Who may have what: the playback token of a request, whichever way it travels.

Three carriers: `Authorization: Bearer`, `CTA-Common-Access-Token`, and the path prefix `/~TOKEN`.
No I/O; the clocks are handed in.
"""

from dataclasses import dataclass, field
from typing import Final

from multidict import CIMultiDictProxy

from drm.tokens import (
    TokenAmbiguousError,
    TokenClaims,
    TokenError,
    TokenExpiredError,
    TokenMissingError,
    TokenRevokedError,
    TokenScopeError,
    TokenVerifier,
)
from edge.fields import TOKEN_FIELD
from edge.refusal_limits import RefusalLimits
from edge.target import TOKEN_PREFIX, Target

_BEARER: Final = "bearer "


@dataclass(frozen=True, slots=True)
class Admission:
    """A request that may pass.

    Attributes:
        token: as it was sent; drm gets it again with requests for licenses.
        claims: what it grants.
    """

    token: str = field(repr=False)
    claims: TokenClaims


class Gate:
    """Checks the token of each request.

    Args:
        verifier: knows the live keys.
        limits: of refused tokens for each client.
    """

    def __init__(self, verifier: TokenVerifier, limits: RefusalLimits) -> None:
        self._verifier = verifier
        self._limits = limits

    @property
    def verifier(self) -> TokenVerifier:
        """What knows the live keys."""
        return self._verifier

    def admit(
        self,
        target: Target,
        headers: CIMultiDictProxy[str],
        *,
        client: str,
        now_s: float,
        monotonic_s: float,
    ) -> Admission:
        """Let a request through whose token opens its target.

        Args:
            target: as parsed; the token's scope is checked against its path.
            headers: of the request.
            client: IP address of the client.
            now_s: seconds since the epoch.
            monotonic_s: for the limit of refusals.

        Raises:
            TokenError: the token is missing, sent twice, not good, or not for this.
            TooManyRefusalsError: this client sent too many bad tokens, and this one is not known
                to be good; nothing was checked.
        """
        token = presented_token(target, headers)
        if not self._verifier.is_remembered(token):  # Others behind one address go on listening.
            self._limits.check(client, now_s=monotonic_s)
        try:
            claims = self._verifier.verify(token, now_s=now_s)
        except TokenError as error:
            # A token of ours whose time is over is no attack.
            if not isinstance(error, TokenExpiredError | TokenRevokedError):
                self._limits.note_refusal(client, now_s=monotonic_s)
            raise
        if target.token is not None and not claims.is_path_bound:
            raise TokenScopeError("this token may not travel in a path")
        if not claims.allows(target.path):
            raise TokenScopeError("the token is for other paths or renditions")
        if not claims.allows_client(client):
            raise TokenScopeError("the token is for another network")
        return Admission(token, claims)


def presented_token(target: Target, headers: CIMultiDictProxy[str]) -> str:
    """The one token of a request.

    Raises:
        TokenMissingError: there is none.
        TokenAmbiguousError: there are two, even if they are equal.
    """
    bearers = headers.getall("Authorization", ())
    tokens = [value[len(_BEARER) :].strip() for value in bearers if is_bearer(value)]
    tokens += headers.getall(TOKEN_FIELD, ())
    if target.token is not None:
        tokens.append(target.token)
    if len(tokens) > 1 or len(bearers) > 1 or target.path.startswith(TOKEN_PREFIX):
        raise TokenAmbiguousError
    if not tokens:
        raise TokenMissingError
    return tokens[0]


def is_bearer(authorization: str) -> bool:
    """Whether the credentials are a bearer token (RFC 6750 section 2.1)."""
    return authorization[: len(_BEARER)].lower() == _BEARER
