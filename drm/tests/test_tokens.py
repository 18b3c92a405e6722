from collections.abc import Mapping

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drm.base64url import decode_base64url, encode_base64url
from drm.errors import (
    ClaimsError,
    TokenError,
    TokenExpiredError,
    TokenForeignError,
    TokenMalformedError,
    TokenRevokedError,
)
from drm.tokens import (
    TOKEN_CHARACTERS_MAX,
    SigningKey,
    TokenClaims,
    TokenVerifier,
    VerificationKey,
    issue_token,
)
from packager.renditions import PROFILES

TRACK = "0" * 21 + "A"
OTHER = "0" * 21 + "B"
ALBUM = "0" * 21 + "C"
KEY = SigningKey(b"\1" * 32)
NEWER_KEY = SigningKey(b"\2" * 32)
CLAIMS = TokenClaims(
    session="listener-1",
    issued_s=1000,
    expires_s=2000,
    prefixes=("/v1/library/",),
    renditions=frozenset({"flac", "aac-160"}),
    network="192.0.2.0/24",
    is_path_bound=True,
    tracks=(OTHER, TRACK),
    albums=(ALBUM,),
)
TOKEN = issue_token(CLAIMS, KEY)

IDS = st.lists(st.from_regex(r"[0-9A-Za-z]{22}", fullmatch=True), max_size=4, unique=True)
PREFIXES = st.from_regex(r"(/[a-z0-9_-]{1,8}){3}/", fullmatch=True)
ANY_CLAIMS = st.builds(
    TokenClaims,
    session=st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True),
    issued_s=st.integers(0, 1000),
    expires_s=st.integers(1001, 2**53 - 1),
    prefixes=st.lists(PREFIXES, min_size=1, max_size=5).map(tuple),
    renditions=st.none()
    | st.frozensets(st.from_regex(r"[a-z0-9][a-z0-9-]{0,7}", fullmatch=True), min_size=1),
    network=st.none() | st.ip_addresses().map(lambda one: f"{one}/{one.max_prefixlen}"),
    is_path_bound=st.booleans(),
    tracks=IDS.map(tuple),
    albums=IDS.map(lambda ids: tuple(ids[:1])),
)


def keys(*signing_keys: SigningKey) -> Mapping[str, VerificationKey]:
    return {key.kid: key.verification_key for key in signing_keys}


def verifier(*signing_keys: SigningKey, remembered_max: int = 8) -> TokenVerifier:
    return TokenVerifier(keys(*(signing_keys or (KEY,))), remembered_max)


def signed(header: bytes, payload: bytes, key: SigningKey = KEY) -> str:
    text = f"{encode_base64url(header)}.{encode_base64url(payload)}"
    return f"{text}.{encode_base64url(key.sign(text.encode()))}"


def header(key: SigningKey = KEY) -> bytes:
    return decode_base64url(issue_token(CLAIMS, key).split(".")[0])


def payload(**changes: object) -> bytes:
    members = orjson.loads(decode_base64url(TOKEN.split(".")[1])) | changes
    present = {name: value for name, value in members.items() if value is not None}
    return orjson.dumps(present, option=orjson.OPT_SORT_KEYS)


@given(ANY_CLAIMS)
def test_issuing_and_verifying_undo_each_other(claims: TokenClaims):
    assert verifier().verify(issue_token(claims, KEY), now_s=1000) == claims


def test_a_token_may_stand_in_a_path_segment():
    assert set(TOKEN) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


def test_a_token_is_a_compact_jws():
    assert header() == b'{"alg":"EdDSA","kid":"%b"}' % KEY.kid.encode()
    assert orjson.loads(payload()) == {
        "alb": ALBUM,
        "bound": True,
        "exp": 2000,
        "iat": 1000,
        "net": "192.0.2.0/24",
        "pre": ["/v1/library/"],
        "ren": ["aac-160", "flac"],
        "sid": "listener-1",
        "trk": OTHER + TRACK,
    }


@pytest.mark.parametrize("is_remembered", [False, True], ids=["cold", "remembered"])
def test_every_altered_character_is_refused(is_remembered: bool):
    checker = verifier()
    if is_remembered:
        checker.verify(TOKEN, now_s=1500)
    for index, character in enumerate(TOKEN):
        for other in {"A", "B", "-", ".", "=", "é", ""} - {character}:
            with pytest.raises(TokenError):
                checker.verify(TOKEN[:index] + other + TOKEN[index + 1 :], now_s=1500)
    assert checker.remembered == int(is_remembered)
    assert checker.is_remembered(TOKEN) is is_remembered


@given(
    st.text(max_size=80)
    | st.from_regex(r"[A-Za-z0-9_-]{0,60}\.[A-Za-z0-9_-]{0,60}\.[A-Za-z0-9_-]{0,90}")
    | st.text(max_size=20).map(lambda text: TOKEN + text)
    | st.integers(0, len(TOKEN)).map(lambda stop: TOKEN[:stop])
)
@example("\ud800." + ".".join(TOKEN.split(".")[1:]))
@example(TOKEN)
def test_any_text_is_verified_or_refused_by_the_one_error(text: str):
    try:
        claims = verifier().verify(text, now_s=1500)
    except TokenError as error:
        assert (error.status, error.retryable) == (401, False)
        assert error.reason.startswith("token_")
    else:
        assert (text, claims) == (TOKEN, CLAIMS)


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(signed(b'{"alg":"none"}', payload()), id="no algorithm"),
        pytest.param(signed(b'{"alg":"HS256","kid":"k"}', payload()), id="another algorithm"),
        pytest.param(
            signed(header()[:-1] + b',"crit":["b64"],"b64":false}', payload()), id="critical"
        ),
        pytest.param(signed(header().replace(b":", b": "), payload()), id="spaced header"),
        pytest.param(signed(b"", payload()), id="empty header"),
        pytest.param(signed(header(), b""), id="no claims"),
        pytest.param(signed(header(), b"[" * 1000), id="deep nesting"),
        pytest.param(signed(header(), b"[]"), id="claims are a list"),
        pytest.param(signed(header(), payload(adm=True)), id="unknown claim"),
        pytest.param(signed(header(), payload(sid=None)), id="no session"),
        pytest.param(signed(header(), payload(exp="2000")), id="time as a text"),
        pytest.param(signed(header(), payload(exp=2000.0)), id="time as a fraction"),
        pytest.param(signed(header(), payload(exp=2**63)), id="time beyond integers"),
        pytest.param(signed(header(), payload(iat=True)), id="time as a bool"),
        pytest.param(signed(header(), payload(pre="/v1/")), id="prefixes as a text"),
        pytest.param(signed(header(), payload(pre=[1])), id="prefix as a number"),
        pytest.param(signed(header(), payload(pre=[])), id="no prefix, said"),
        pytest.param(signed(header(), payload(trk="")), id="no track, said"),
        pytest.param(signed(header(), payload(trk=[TRACK])), id="tracks as a list"),
        pytest.param(signed(header(), payload(trk=TRACK + "A")), id="tracks of odd length"),
        pytest.param(signed(header(), payload(trk=TRACK + TRACK)), id="a track twice"),
        pytest.param(signed(header(), payload(trk="/" * 22)), id="no track ids"),
        pytest.param(signed(header(), payload(alb=ALBUM + TRACK)), id="two albums in a path"),
        pytest.param(signed(header(), payload(pre=None, trk=None, alb=None)), id="nothing open"),
        pytest.param(signed(header(), payload(ren="flac")), id="renditions as a text"),
        pytest.param(signed(header(), payload(ren=["flac", "aac-160"])), id="unsorted"),
        pytest.param(signed(header(), payload(ren=["flac", "flac"])), id="a rendition twice"),
        pytest.param(signed(header(), payload(net=7)), id="network as a number"),
        pytest.param(signed(header(), payload(net="192.0.2.1/24")), id="network with host bits"),
        pytest.param(signed(header(), payload(bound=1)), id="bound by a number"),
        pytest.param(signed(header(), payload(bound=False)), id="bound is false"),
        pytest.param(signed(header(), payload(pre=["/v1/"])), id="path token for everything"),
        pytest.param(signed(header(), payload() + b" "), id="space after the claims"),
        pytest.param(
            signed(header(), payload().replace(b'"exp"', b'"exp":1,"exp"')), id="a claim twice"
        ),
        pytest.param("a" * (TOKEN_CHARACTERS_MAX + 1), id="too long"),
        pytest.param(TOKEN + "=", id="padding"),
        pytest.param("", id="empty"),
    ],
)
def test_what_is_not_canonical_is_malformed_though_signed(token: str):
    with pytest.raises(TokenMalformedError):
        verifier().verify(token, now_s=1500)


def test_a_token_of_an_unknown_key_is_foreign():
    with pytest.raises(TokenForeignError):
        verifier().verify(issue_token(CLAIMS, NEWER_KEY), now_s=1500)


def test_a_signature_of_another_key_is_foreign():
    with pytest.raises(TokenForeignError):
        verifier().verify(signed(header(), payload(), NEWER_KEY), now_s=1500)


@pytest.mark.parametrize("is_remembered", [False, True], ids=["cold", "remembered"])
def test_a_token_ends_with_its_second(is_remembered: bool):
    checker = verifier()
    if is_remembered:
        checker.verify(TOKEN, now_s=1999.999)
    with pytest.raises(TokenExpiredError) as raised:
        checker.verify(TOKEN, now_s=2000)
    assert raised.value.expired_s == 2000
    assert checker.remembered == 0


@pytest.mark.parametrize("is_remembered", [False, True], ids=["cold", "remembered"])
def test_the_revocation_epoch_takes_effect_at_once(is_remembered: bool):
    checker = verifier()
    if is_remembered:
        checker.verify(TOKEN, now_s=1500)
    checker.replace_keys(keys(KEY), not_issued_before_s=1000)
    checker.verify(TOKEN, now_s=1500)
    checker.replace_keys(keys(KEY), not_issued_before_s=1001)
    with pytest.raises(TokenRevokedError):
        checker.verify(TOKEN, now_s=1500)


def test_all_live_keys_verify_and_a_retired_one_does_not():
    checker = verifier(KEY, NEWER_KEY)
    newer_token = issue_token(CLAIMS, NEWER_KEY)
    assert checker.verify(TOKEN, now_s=1500) == checker.verify(newer_token, now_s=1500)
    checker.replace_keys(keys(NEWER_KEY), not_issued_before_s=0)
    assert checker.remembered == 1
    assert checker.verify(newer_token, now_s=1500) == CLAIMS
    with pytest.raises(TokenForeignError):
        checker.verify(TOKEN, now_s=1500)


@given(st.lists(st.integers(0, 5), max_size=30))
def test_memory_is_bounded_and_keeps_the_latest(requests: list[int]):
    checker = verifier(remembered_max=3)
    tokens = [issue_token(TokenClaims(f"s{n}", 1, 9, ("/v1/",)), KEY) for n in range(6)]
    for number in requests:
        checker.verify(tokens[number], now_s=5)
    latest = list(dict.fromkeys(reversed(requests)))[:3]
    assert list(checker._remembered) == [tokens[number] for number in reversed(latest)]


def test_a_token_that_would_not_fit_in_a_path_is_not_issued():
    prefixes = tuple(f"/v1/audio/{number:022}/" for number in range(64))
    with pytest.raises(ClaimsError):
        issue_token(TokenClaims("s", 1, 2, prefixes), KEY)


def test_a_token_for_a_long_album_fits():
    tracks = tuple(f"{number:022}" for number in range(50))
    claims = TokenClaims(
        session="s" * 16,
        issued_s=1_700_000_000,
        expires_s=1_800_000_000,
        renditions=frozenset(PROFILES),
        is_path_bound=True,
        tracks=tracks,
        albums=(ALBUM,),
    )
    token = issue_token(claims, KEY)
    assert len(token) <= TOKEN_CHARACTERS_MAX
    assert verifier().verify(token, now_s=1_750_000_000).tracks == tracks


def test_errors_do_not_repeat_the_token():
    for altered in (TOKEN[:-1], TOKEN + ".x", "é" + TOKEN, TOKEN[:-2] + "AA"):
        with pytest.raises(TokenError) as raised:
            verifier().verify(altered, now_s=1500)
        told = repr(raised.value) + str(raised.value.args)
        assert not any(segment in told for segment in TOKEN.split("."))
