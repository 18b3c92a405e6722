"""The gate alone: which token counts, and when a signature is not even computed."""

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from drm.tokens import (
    TokenAmbiguousError,
    TokenForeignError,
    TokenMissingError,
    TokenScopeError,
    TokenVerifier,
)
from edge.access import Admission, Gate, presented_token
from edge.errors import TooManyRefusalsError
from edge.refusal_limits import RefusalLimits
from edge.target import Target
from edge.tests.conftest import NOW_S
from edge.tests.token_making import AUDIO, KEY, OTHER_KEY, token_of

Headers = list[tuple[str, str]]


def proxy(headers: Headers) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict(headers))


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        pytest.param(Target("/a"), [("Authorization", "Bearer t")], id="bearer"),
        pytest.param(Target("/a"), [("authorization", "bEaReR   t ")], id="in any case"),
        pytest.param(Target("/a"), [("CTA-Common-Access-Token", "t")], id="field"),
        pytest.param(Target("/a", None, "t"), [("Authorization", "Basic x")], id="path"),
    ],
)
def test_one_token(target: Target, headers: Headers):
    assert presented_token(target, proxy(headers)) == "t"


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        pytest.param(Target("/a"), [("Authorization", "Bearer t")] * 2, id="two lines"),
        pytest.param(
            Target("/a"),
            [("Authorization", "Bearer t"), ("Authorization", "Basic x")],
            id="two kinds of credentials",
        ),
        pytest.param(Target("/a"), [("CTA-Common-Access-Token", "t")] * 2, id="two fields"),
        pytest.param(Target("/a", None, "t"), [("CTA-Common-Access-Token", "t")], id="path, field"),
        pytest.param(Target("/~t/a", None, "t"), [], id="two in the path"),
    ],
)
def test_two_tokens(target: Target, headers: Headers):
    with pytest.raises(TokenAmbiguousError):
        presented_token(target, proxy(headers))


def test_no_token():
    with pytest.raises(TokenMissingError):
        presented_token(Target("/a"), proxy([("Authorization", "Basic x")]))


@pytest.mark.parametrize(
    ("path", "is_open"),
    [
        pytest.param("/v1/albums/0123456789ABCDEFGHIJal/manifest.mpd", True, id="its album"),
        pytest.param("/v1/albums/0123456789ABCDEFGHIJal/flac.hls.m3u8", True, id="a playlist"),
        pytest.param(f"{AUDIO}/flac.mp4", True, id="a track of it"),
        pytest.param("/v1/albums/0123456789ABCDEFGHIJam", False, id="another album"),
    ],
)
def test_a_token_for_an_album_travels_in_paths(path: str, is_open: bool):
    gate = Gate(
        TokenVerifier({KEY.kid: KEY.verification_key}, 10),
        RefusalLimits(burst=1, refill_per_s=1.0, clients_max=9),
    )
    token = token_of(albums=("0123456789ABCDEFGHIJal",))

    def admit() -> Admission:
        target = Target(path, None, token)
        return gate.admit(target, proxy([]), client="10.0.0.1", now_s=NOW_S, monotonic_s=0)

    if is_open:
        assert admit().claims.albums
    else:
        with pytest.raises(TokenScopeError):
            admit()


def test_refusals_count_and_an_admission_does_not_show_its_token():
    verifier = TokenVerifier({KEY.kid: KEY.verification_key}, 10)
    gate = Gate(verifier, RefusalLimits(burst=1, refill_per_s=1.0, clients_max=9))
    target = Target(f"{AUDIO}/flac.mp4")

    def admit(token: str, client: str, monotonic_s: float) -> Admission:
        headers = proxy([("CTA-Common-Access-Token", token)])
        return gate.admit(target, headers, client=client, now_s=NOW_S, monotonic_s=monotonic_s)

    with pytest.raises(TokenForeignError):
        admit(token_of(key=OTHER_KEY), "10.0.0.1", 0)
    with pytest.raises(TooManyRefusalsError):
        admit(token_of(), "10.0.0.1", 0)
    assert admit(token_of(), "10.0.0.2", 0).claims.session == "listener-1"
    # Known to be good by now, so whoever shares the address with an attacker is not refused.
    assert admit(token_of(), "10.0.0.1", 0).claims.session == "listener-1"
    assert token_of() not in repr(admit(token_of(), "10.0.0.1", 1))
