import orjson
import pytest

from drm.base64url import encode_base64url
from drm.signing_keys import (
    KEY_SET_BYTES_MAX,
    KEYS_MAX,
    SigningKey,
    VerificationKey,
    decode_key_set,
    encode_key_set,
    key_set_of,
    kid_of,
)

# RFC 8037 appendix A.1 and A.2; the thumbprint is of appendix A.3.
SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
PUBLIC_KEY = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def jwk(seed: int = 1) -> dict[str, object]:
    key = SigningKey(bytes([seed]) * 32).verification_key
    x = encode_base64url(key.public_key)
    return {"kty": "OKP", "crv": "Ed25519", "kid": key.kid, "x": x}


def test_a_seed_gives_the_public_key_and_kid_of_the_standards_example():
    key = SigningKey(SEED)
    assert key.verification_key.public_key == PUBLIC_KEY
    assert THUMBPRINT.startswith(key.kid)
    assert len(key.kid) == 16


def test_a_signing_key_does_not_show_its_seed():
    key = SigningKey(SEED)
    assert repr(key) == f"SigningKey(kid='{key.kid}')"


@pytest.mark.parametrize(
    ("kid", "public_key"),
    [
        pytest.param(kid_of(PUBLIC_KEY), PUBLIC_KEY[:31], id="too short"),
        pytest.param("another", PUBLIC_KEY, id="another's kid"),
    ],
)
def test_a_verification_key_has_its_own_kid(kid: str, public_key: bytes):
    with pytest.raises(ValueError, match="Ed25519"):
        VerificationKey(kid, public_key)


def test_a_key_set_is_read_as_it_was_written():
    keys = [SigningKey(bytes([index]) * 32).verification_key for index in range(3)]
    key_set = key_set_of(keys, not_issued_before_s=1234)
    assert decode_key_set(encode_key_set(key_set)) == key_set


def test_a_published_key_is_a_jwk():
    [key] = orjson.loads(encode_key_set(key_set_of([SigningKey(SEED).verification_key])))["keys"]
    assert key == {
        "alg": "EdDSA",
        "crv": "Ed25519",
        "kid": THUMBPRINT[:16],
        "kty": "OKP",
        "use": "sig",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    }


@pytest.mark.parametrize(
    "document",
    [
        pytest.param([], id="a list"),
        pytest.param({"keys": []}, id="no epoch"),
        pytest.param({"keys": [], "not_issued_before_s": -1}, id="negative epoch"),
        pytest.param({"keys": {}, "not_issued_before_s": 0}, id="keys are no list"),
        pytest.param({"keys": [1], "not_issued_before_s": 0}, id="a key is no object"),
        pytest.param({"keys": [jwk() | {"kty": "RSA"}], "not_issued_before_s": 0}, id="RSA"),
        pytest.param({"keys": [jwk() | {"x": "AA=="}], "not_issued_before_s": 0}, id="padding"),
        pytest.param({"keys": [jwk() | {"kid": "k"}], "not_issued_before_s": 0}, id="foreign kid"),
        pytest.param({"keys": [jwk(), jwk()], "not_issued_before_s": 0}, id="twice"),
        pytest.param(
            {"keys": [jwk(n) for n in range(KEYS_MAX + 1)], "not_issued_before_s": 0}, id="too many"
        ),
    ],
)
def test_other_key_sets_are_refused(document: object):
    with pytest.raises(ValueError, match=r"."):
        decode_key_set(orjson.dumps(document))


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b" " * (KEY_SET_BYTES_MAX + 1)])
def test_what_is_no_json_or_too_long_is_refused(data: bytes):
    with pytest.raises(ValueError, match=r"."):
        decode_key_set(data)
