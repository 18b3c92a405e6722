import string
from urllib.parse import quote

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from origin.signing import RequestSigner, S3Credentials, SignedRequest, canonical_query

# The values of "Signature Calculations for the Authorization Header" in Amazon's S3 API reference.
EXAMPLE = S3Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
HOST = "examplebucket.s3.amazonaws.com"
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
NOW_S = 1369353600.0  # 2013-05-24T00:00:00Z


@pytest.mark.parametrize(
    ("request_", "names", "signature"),
    [
        pytest.param(
            SignedRequest(
                "GET", HOST, "/test.txt", fields={"Range": "bytes=0-9"}, payload_sha256=EMPTY
            ),
            "host;range;x-amz-content-sha256;x-amz-date",
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
            id="GET with a range",
        ),
        pytest.param(
            SignedRequest(
                "PUT",
                HOST,
                "/test$file.text",
                fields={
                    "Date": "Fri, 24 May 2013 00:00:00 GMT",
                    "x-amz-storage-class": "REDUCED_REDUNDANCY",
                },
                payload_sha256="44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
            ),
            "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
            id="PUT",
        ),
        pytest.param(
            SignedRequest("GET", HOST, "/", query=[("lifecycle", "")], payload_sha256=EMPTY),
            "host;x-amz-content-sha256;x-amz-date",
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
            id="GET of a sub-resource",
        ),
        pytest.param(
            SignedRequest(
                "GET", HOST, "/", query=[("prefix", "J"), ("max-keys", "2")], payload_sha256=EMPTY
            ),
            "host;x-amz-content-sha256;x-amz-date",
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
            id="listing",
        ),
    ],
)
def test_the_published_examples_come_out(request_: SignedRequest, names: str, signature: str):
    fields = RequestSigner("us-east-1").sign(request_, EXAMPLE, now_s=NOW_S)
    assert fields["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
        f"SignedHeaders={names},Signature={signature}"
    )


def test_a_session_token_is_signed_with_the_rest():
    credentials = S3Credentials("AKID", "secret", "a-session-token")
    request = SignedRequest("GET", HOST, "/test.txt")
    fields = RequestSigner("eu-west-3").sign(request, credentials, now_s=NOW_S)
    assert fields["X-Amz-Security-Token"] == "a-session-token"
    assert "x-amz-date;x-amz-security-token," in fields["Authorization"]


def test_no_secret_shows():
    shown = repr(S3Credentials("AKID", "hidden-secret", "hidden-token"))
    assert "AKID" in shown
    assert "hidden" not in shown


def test_another_day_and_other_credentials_have_another_key():
    signer = RequestSigner("us-east-1")
    request = SignedRequest("GET", HOST, "/test.txt")
    other = S3Credentials("AKIAIOSFODNN7EXAMPLE", "another secret")
    ways = [(EXAMPLE, NOW_S), (EXAMPLE, NOW_S + 86400), (other, NOW_S), (EXAMPLE, NOW_S)]
    signatures = [
        signer.sign(request, credentials, now_s=now_s)["Authorization"]
        for credentials, now_s in ways
    ]
    assert signatures[0] == signatures[3]
    assert len(set(signatures)) == 3


def test_a_query_is_ordered_and_encoded():
    assert canonical_query([("b", "a/b c"), ("a", "~é")]) == "a=~%C3%A9&b=a%2Fb%20c"


@given(
    path=st.text("/-_.~$é" + string.ascii_letters, max_size=30),
    values=st.dictionaries(
        st.sampled_from(["Range", "If-Match", "X-Amz-Meta-A"]),
        st.text(string.ascii_letters + string.digits + '"-= ', max_size=30),
    ),
)
def test_a_second_implementation_agrees(path: str, values: dict[str, str]):
    request = SignedRequest("GET", HOST, f"/{path}", fields=values)
    fields = RequestSigner("us-east-1").sign(request, EXAMPLE, now_s=NOW_S)
    authorization = fields.pop("Authorization")
    theirs = AWSRequest("GET", f"https://{HOST}/{quote(path)}", headers=fields)
    theirs.context["timestamp"] = "20130524T000000Z"
    credentials = Credentials(EXAMPLE.access_key_id, EXAMPLE.secret_access_key)
    auth = S3SigV4Auth(credentials, "s3", "us-east-1")
    signature = auth.signature(auth.string_to_sign(theirs, auth.canonical_request(theirs)), theirs)
    assert authorization.endswith(f"Signature={signature}")
