"""Request targets: what is accepted, what is refused, and that nothing is rewritten."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from edge.errors import TargetError
from edge.target import TARGET_CHARACTERS_MAX, Target, parse_target


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("/", Target("/"), id="root"),
        pytest.param("/v1/a?b=c", Target("/v1/a", "b=c"), id="query"),
        pytest.param("/v1/a?", Target("/v1/a"), id="empty query is dropped"),
        pytest.param("/v1/a?b=//../%2f~", Target("/v1/a", "b=//../%2f~"), id="a query is free"),
        pytest.param("/~a.b-_c/v1/a?q", Target("/v1/a", "q", "a.b-_c"), id="token"),
        pytest.param("/~a.b.c/", Target("/", None, "a.b.c"), id="token and root"),
        pytest.param("/v1/~a/b", Target("/v1/~a/b"), id="tilde further on"),
        pytest.param("/~~/v1", Target("/~~/v1"), id="no token"),
        pytest.param("/~a", Target("/~a"), id="token without a path"),
        pytest.param("/v1/a%20b%C3%A9", Target("/v1/a%20b%C3%A9"), id="encoded, not decoded"),
        pytest.param("/v1/..a/b..", Target("/v1/..a/b.."), id="dots within a segment"),
        pytest.param("http://edge:80/v1/a?b", Target("/v1/a", "b"), id="absolute"),
        pytest.param("http://EDGE:80", Target("/"), id="absolute without a path"),
        pytest.param("http://edge:80/~t/v1", Target("/v1", None, "t"), id="absolute with token"),
    ],
)
def test_accepted(text: str, expected: Target):
    assert parse_target(text, host="edge:80", is_token_checked=True) == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("/v1/../a", id="dot segments"),
        pytest.param("/v1/./a", id="single dot segment"),
        pytest.param("/v1/..", id="dot segments at the end"),
        pytest.param("/~t/../v1/a", id="dot segments after the token"),
        pytest.param("//v1/a", id="empty segment first"),
        pytest.param("/v1//a", id="empty segment"),
        pytest.param("/~t//v1", id="empty segment after the token"),
        pytest.param("/v1\\a", id="backslash"),
        pytest.param("/v1/%2e%2E/a", id="encoded dots"),
        pytest.param("/v1%2Fa", id="encoded slash"),
        pytest.param("/v1%5ca", id="encoded backslash"),
        pytest.param("/%7Etoken/v1", id="encoded tilde"),
        pytest.param("/v1/%00", id="encoded NUL"),
        pytest.param("/v1/%0d%0a", id="encoded line end"),
        pytest.param("/v1/%7f", id="encoded delete"),
        pytest.param("/v1/100%", id="bare percent sign"),
        pytest.param("/v1/%zz", id="percent sign without digits"),
    ],
)
def test_refused_while_tokens_are_checked(text: str):
    with pytest.raises(TargetError):
        parse_target(text, host="edge", is_token_checked=True)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("/a b", id="space"),
        pytest.param("/a\x00", id="NUL"),
        pytest.param("/a\x7f", id="delete"),
        pytest.param("/a\r\nX: y", id="line end"),
        pytest.param("/a#b", id="fragment"),
        pytest.param("/é", id="not ASCII"),
        pytest.param("*", id="asterisk"),
        pytest.param("edge:80", id="authority"),
        pytest.param("ftp://edge/a", id="other scheme"),
        pytest.param("http://other/a", id="foreign authority"),
        pytest.param("/" + "a" * TARGET_CHARACTERS_MAX, id="too long"),
    ],
)
@pytest.mark.parametrize("is_token_checked", [True, False])
def test_refused_always(text: str, *, is_token_checked: bool):
    with pytest.raises(TargetError):
        parse_target(text, host="edge", is_token_checked=is_token_checked)


@pytest.mark.parametrize("text", ["/~x/", "/a/../b", "//a", "/%2e%2e/\\", "/a%", "/a?b?c=%zz"])
def test_nothing_is_interpreted_while_tokens_are_not_checked(text: str):
    target = parse_target(text, host=None, is_token_checked=False)
    assert target.token is None
    assert target.upstream == text
    assert target.shown == text.partition("?")[0]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("/~se.cr.et/v1/a?b=c", "/~-/v1/a", id="token"),
        pytest.param("/~se.cr.et", "/~-", id="nothing after it"),
        pytest.param("/~se.cr!et/v1/a", "/~-/v1/a", id="malformed"),
        pytest.param("/~x/~se.cr.et/v1/a", "/~-/v1/a", id="two of them"),
        pytest.param("/v1/a/~b", "/v1/a/~b", id="none"),
    ],
)
def test_a_token_is_not_shown(text: str, shown: str):
    target = parse_target(text, host=None, is_token_checked=True)
    assert target.shown == shown


def test_a_token_is_part_of_neither_target_nor_representation():
    target = parse_target("/~se.cr.et/v1/a?b=c", host=None, is_token_checked=True)
    assert target.upstream == "/v1/a?b=c"
    assert "se.cr.et" not in repr(target)


@given(
    text=st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7F), max_size=40),
    is_token_checked=st.booleans(),
)
def test_what_is_accepted_is_sent_byte_for_byte(text: str, *, is_token_checked: bool):
    try:
        target = parse_target(f"/{text}", host=None, is_token_checked=is_token_checked)
    except TargetError:
        return
    sent = URL(f"http://origin:1{target.upstream}", encoded=True).raw_path_qs
    assert sent == target.upstream
    assert f"/{text}".rstrip("?").endswith(target.upstream.rstrip("?"))
