"""Requests, from plain ones that the fast lane is for to hostile ones; each follows from a seed."""

import itertools
import random
from collections.abc import Callable, Iterator
from typing import Final

from loadtest.lanes.backend import KINDS
from loadtest.lanes.tokens import ALBUM, OTHER_TRACK, TRACK, token

HOST: Final = "edge.example:8080"
DIGEST: Final = "0123456789abcdef"
FOLDER: Final = f"/v1/audio/{TRACK}/{DIGEST}"

# Around the sizes of a slice, of what is coalesced with its head, and of what the kernel takes.
SIZES: Final = (0, 1, 100, 4096, 16_384, 16_385, 40_000, 65_536, 300_000)

# Few enough to be stored after a while, in sizes that are asked for all over again.
_HOT_KINDS: Final = ("long", "audio", "short", "shared", "rich", "aged", "vary", "weak", "coded")
HOT: Final = (
    *(f"{FOLDER}/{kind}-{size}-0.mp4" for kind in _HOT_KINDS for size in SIZES[:-1]),
    f"{FOLDER}/long-300000-0.mp4",
)

_SEPARATORS: Final = b'\r\n :;,=/?#%"()\\\t\x00\x0b\x7f\xff09azAZ-_*~.'

Fields = list[tuple[str, str]]


class Grammar:
    """Makes requests.

    Args:
        chance: where they follow from.
        is_token_checked: whether they should carry tokens.
    """

    def __init__(self, chance: random.Random, *, is_token_checked: bool) -> None:
        self._chance = chance
        self._is_token_checked = is_token_checked
        self._numbers: Iterator[int] = itertools.count(1)

    def request(self) -> bytes:
        """A request with its content."""
        chance = self._chance
        if chance.random() < 0.65:
            plain = self.plain_request()
            return self._mutated(plain) if chance.random() < 0.2 else plain
        method = self._method()
        fields: Fields = []
        # Whoever changes what is stored makes the next request for it a miss.
        is_safe = method in {"GET", "HEAD"} or chance.random() < 0.2
        target = self._target() if is_safe else self.cold_target()
        target = self._with_token(target, fields)
        for make in chance.sample(_FIELDS, chance.choice([0, 0, 1, 1, 2, 3])):
            fields += make(chance)
        content = self._content(method, fields)
        version = chance.choices(["1.1", "1.0", "2.0", "1.2", "0.9"], [90, 8, 1, 1, 1])[0]
        fields += self._connection(version)
        chance.shuffle(fields)
        self._insert_host(fields, version)
        return self._mutated(_text(f"{method} {target} HTTP/{version}", fields) + content)

    def plain_request(self) -> bytes:
        """A request as players send it, for something that others have asked for as well."""
        chance = self._chance
        fields: Fields = [("Host", HOST)]
        target = self._with_token(chance.choice(HOT), fields)
        if chance.random() < 0.6:
            fields += _range(chance)
        if chance.random() < 0.3:
            fields += [("User-Agent", "player/1.0"), ("Accept", "*/*")]
        if chance.random() < 0.15:
            fields += chance.choice(_FIELDS)(chance)
        method = "HEAD" if chance.random() < 0.1 else "GET"
        return _text(f"{method} {target} HTTP/1.1", fields)

    def half_request(self) -> bytes:
        """A head that is not over: whatever follows belongs to it, although it be a request."""
        text = self.plain_request()
        ends = [text.rfind(b"\r\n", 0, -2) + 2, len(text) - 2, self._chance.randrange(len(text))]
        return text[: self._chance.choice(ends)] + self._chance.choice([b"X: ", b"", b"X:"])

    def cold_target(self) -> str:
        """A target that nobody has asked for."""
        chance = self._chance
        kind, size = chance.choice(list(KINDS)), chance.choice(SIZES)
        return f"{FOLDER}/{kind}-{size}-{next(self._numbers)}.mp4"

    def _method(self) -> str:
        chance = self._chance
        if chance.random() < 0.75:
            return chance.choices(["GET", "HEAD"], [5, 1])[0]
        return chance.choice(
            ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "QUERY", "get", "GETS", "FOO"]
        )

    def _target(self) -> str:
        chance = self._chance
        hot = chance.choice(HOT)
        makers: list[Callable[[], str]] = [
            self.cold_target,
            lambda: f"http://{chance.choice([HOST, HOST.upper(), 'a'])}{hot}",
            lambda: hot + chance.choice(["?", "?a=b", "?a=b&c", "#a", "?~", "/"]),
            lambda: hot.replace("/audio/", chance.choice(_SPELLINGS), 1),
            lambda: hot.replace(TRACK, OTHER_TRACK),
            lambda: chance.choice(_PLACES),
            lambda: hot,
        ]
        return chance.choices(makers, [3, 1, 1, 1, 1, 1, 8])[0]()

    def _with_token(self, target: str, fields: Fields) -> str:
        chance = self._chance
        if not self._is_token_checked and chance.random() < 0.9:
            return target
        carriers = chance.choices([1, 0, 2], [96, 2, 2])[0]
        for carrier in chance.sample(["path", "bearer", "cat", "field"], carriers):
            text = token(chance)
            match carrier:
                case "path" if target.startswith("/"):
                    target = f"/~{text}{target}"
                case "cat":
                    fields.append(("CTA-Common-Access-Token", text))
                case _:
                    scheme = chance.choices(["Bearer", "bearer", "Basic", "Bearer "], [60, 1, 1, 1])
                    fields.append(("Authorization", f"{scheme[0]} {text}"))
        return target

    def _content(self, method: str, fields: Fields) -> bytes:
        chance = self._chance
        if chance.random() < (0.95 if method in {"GET", "HEAD"} else 0.2):
            return b""
        content = chance.choice([b"", b"x", b"hello", b"GET / HTTP/1.1\r\n\r\n", b"0\r\n\r\n"])
        content *= chance.choice([1, 1, 3, 2000])
        if chance.random() < 0.2:
            content = self.plain_request()
        if chance.random() < 0.5:
            length = len(content) + chance.choices([0, 1, -1], [20, 1, 1])[0]
            fields.append(("Content-Length", str(length)))
            return content
        fields.append(("Transfer-Encoding", chance.choice(["chunked", "chunked", "Chunked"])))
        return _chunked(chance, content)

    def _connection(self, version: str) -> Fields:
        chance = self._chance
        if chance.random() < (0.9 if version == "1.1" else 0.3):
            return []
        options = ["close", "keep-alive", "Keep-Alive", "x-b", "upgrade", "close, te", "Close"]
        return [("Connection", chance.choice(options))]

    def _insert_host(self, fields: Fields, version: str) -> None:
        chance = self._chance
        if chance.random() < 0.97:
            if version != "1.0" or chance.random() < 0.5:
                place = 0 if chance.random() < 0.7 else chance.randint(0, len(fields))
                fields.insert(place, (chance.choice(["Host", "Host", "host", "HOST"]), HOST))
            return
        fields += chance.choice([[], [("Host", "")], [("Host", "a/b")], [("Host", HOST)] * 2])

    def _mutated(self, text: bytes) -> bytes:
        chance = self._chance
        if chance.random() < 0.75:
            return text
        mutable = bytearray(text)
        for _ in range(chance.choice([1, 1, 1, 2, 5])):
            _mutate(mutable, chance)
        return bytes(mutable)


_SPELLINGS: Final = (
    "/%61udio/", "/audio//", "/./audio/", "/x/../audio/", "/audio%2f", "/Audio/", "\\audio/",
    "/audio/%2e/", "/audio/%zz/", "/audio/\xff/", "/audio/a b/",
)  # fmt: skip
_PLACES: Final = (
    "/", "*", "//", "/nowhere", f"/v1/albums/{ALBUM}", f"/v1/audio/{TRACK}/{DIGEST}/manifest.mpd",
    "/v1/licenses/clearkey", "/v1/devices", "/v1/tokens", "/v1/elsewhere", "edge:80", "ftp://a/b",
    "/" + "a" * 9000, "/v1/token-keys", "?", "/~", "/~/", "a", "http://a", "/~-/v1/x",
)  # fmt: skip


def _range(chance: random.Random) -> Fields:
    size = chance.choice(SIZES)
    first = chance.choice([0, 0, 0, 0, 1, 50, 99, size // 2, max(size - 1, 0), size])
    match chance.randrange(12):
        case 0:
            value = f"bytes={first}-"
        case 1:
            value = f"bytes=-{chance.choice([0, 1, 100, size, 10**6])}"
        case 2:
            value = chance.choice(
                ["bytes=0-0,2-3", "bytes=0-1, 50-, -1", "bytes=0-10,5-20", "bytes=0-0," * 20]
            )
        case 3:
            value = chance.choice(
                ["bytes=", "bytes=-", "bytes=5-4", "bytes=a-b", "bytes = 0-1", "bytes=0 - 1",
                 "Bytes=0-1", "items=0-1", "bytes=0-1,", "bytes=,0-1", " bytes=0-1 ", "bytes=00-01",
                 "bytes=0-99999999999999999999", "bytes=99999999999999999999-", "0-1", "",
                 "bytes=\t0-1", "bytes=0-1;x", "bytes=+0-1", "bytes=0x0-1", "bytes=0-1\t"]
            )  # fmt: skip
        case _:
            value = f"bytes={first}-{first + chance.choice([0, 1, 99, 4095, 16_383, 65_535])}"
    name = chance.choices(["Range", "range", "RANGE"], [18, 1, 1])[0]
    return [(name, value)] * chance.choices([1, 2], [40, 1])[0]


def _condition(chance: random.Random) -> Fields:
    etags = [
        '"v1"',
        'W/"v1"',
        "*",
        '"v2"',
        '"v2", "v1"',
        "v1",
        '"v1',
        '"v1" "v2"',
        "",
        '"", W/"v1"',
    ]
    dates = [
        "Mon, 01 Jan 2024 00:00:00 GMT", "Sun, 31 Dec 2023 23:59:59 GMT", "yesterday", "",
        "Mon, 01 Jan 2029 00:00:00 GMT", "Monday, 01-Jan-24 00:00:00 GMT",
        "Mon Jan  1 00:00:00 2024",
    ]  # fmt: skip
    name = chance.choice(
        ["If-None-Match", "If-None-Match", "If-Match", "If-Range", "If-Range",
         "If-Modified-Since", "If-Unmodified-Since", "if-none-match"]
    )  # fmt: skip
    is_date = name.endswith("Since") or (name == "If-Range" and chance.random() < 0.4)
    return [(name, chance.choice(dates if is_date else etags))]


def _directive(chance: random.Random) -> Fields:
    values = [
        "no-cache", "max-age=0", "max-age=5", "only-if-cached", "no-store", "max-stale",
        "max-stale=10", "min-fresh=100000", "no-transform", "max-age=x", "", "no-cache, max-age=9",
        "stale-if-error=60", "Max-Age=0", 'max-age="0"',
    ]  # fmt: skip
    return [chance.choice([("Cache-Control", chance.choice(values)), ("Pragma", "no-cache")])]


def _circumstance(chance: random.Random) -> Fields:
    """What browsers, players, proxies and scanners add."""
    return [
        chance.choice(
            [("Accept-Language", "en"), ("Accept-Language", "de"), ("X-B", "c"),
             ("Accept-Encoding", "gzip"), ("Accept-Encoding", "identity"), ("Cookie", "a=b; c=d"),
             ("Origin", "https://a.example"), ("Referer", "https://a.example/"), ("DNT", "1"),
             ("CMCD-Session", 'sid="a"'), ("X-Forwarded-For", "10.0.0.1"), ("Forwarded", "for=a"),
             ("Via", "1.1 theirs"), ("CDN-Loop", "theirs"), ("CDN-Loop", "attacca"),
             ("Max-Forwards", "0"), ("TE", "trailers"), ("Trailer", "X-B"), ("Expect", "nothing"),
             ("Access-Control-Request-Method", "GET"), ("Attacca-Session", "a"), ("X-Empty", ""),
             ("Attacca-Edge-Credential", "a"), ("Proxy-Authorization", "a"), ("X-High", "\xe9\xff"),
             ("Keep-Alive", "timeout=5"), ("Content-Type", "a/b"), ("Early-Data", "1")]
        )
    ]  # fmt: skip


def _trouble(chance: random.Random) -> Fields:
    """What a strict reader refuses, and a lenient one reads in his own way."""
    return chance.choice(
        [[("Transfer-Encoding", "gzip, chunked")], [("Transfer-Encoding", "identity")],
         [("Transfer-Encoding", "chunked"), ("Content-Length", "3")], [("Content-Length", "+0")],
         [("Content-Length", "0"), ("Content-Length", "0")], [("Content-Length", "0, 0")],
         [("Content-Length ", "0")], [("Content_Length", "5")], [("X\0Y", "a")], [("X", "a\rb")],
         [("Transfer-Encoding", "\x0bchunked")], [("Transfer-Encoding", "chunked, chunked")],
         [("X", "a\r\n b")], [("X", "a\nY: b")], [(" X", "a")], [("X\xe9", "a")], [("", "a")],
         [("Upgrade", "h2c"), ("Connection", "upgrade")], [("User-Agent", "a")] * 2,
         [("Upgrade", "websocket"), ("Connection", "Upgrade")], [("Content-Type", "a/b")] * 2,
         [("Sec-WebSocket-Key1", "a")], [("X", "a" * 17_000)], [(f"X{i}", "a") for i in range(120)],
         [("Authorization", "Bearer a"), ("Authorization", "Bearer b")], [("Range", "bytes=0-1")]]
    )  # fmt: skip


_FIELDS: Final[tuple[Callable[[random.Random], Fields], ...]] = (
    _range, _range, _condition, _condition, _directive, _circumstance, _circumstance, _trouble,
)  # fmt: skip


def _text(line: str, fields: Fields) -> bytes:
    lines = [line, *(f"{name}: {value}" for name, value in fields), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def _chunked(chance: random.Random, content: bytes) -> bytes:
    size = max(1, chance.choice([1, 5, 1000, len(content)]))
    if len(content) > 200 * size:
        size = len(content)
    extension = chance.choice([b"", b"", b"", b";a=b", b';a="b c"', b" ; a", b";", b"\t"])
    lines = [
        b"%x%b\r\n%b\r\n" % (len(part), extension, part)
        for part in (content[start : start + size] for start in range(0, len(content), size))
    ]
    trailers = chance.choices(
        [b"", b"X-B: c\r\n", b"Content-Length: 5\r\n", b"X\r\n"], [9, 1, 1, 1]
    )
    return b"".join(lines) + b"0\r\n" + trailers[0] + b"\r\n"


def _mutate(mutable: bytearray, chance: random.Random) -> None:
    place = chance.randrange(len(mutable) + 1)
    other = min(len(mutable), place + chance.choice([1, 1, 2, 5, 30]))
    match chance.randrange(5):
        case 0:
            del mutable[place:other]
        case 1:
            mutable[place:place] = mutable[place:other]
        case 2:
            mutable[place:place] = bytes([chance.choice(_SEPARATORS)])
        case 3:
            mutable[place : place + 1] = bytes([chance.choice(_SEPARATORS)])
        case _:
            mutable[place:other] = bytes(mutable[place:other]).swapcase()
