"""Requests that are cut at each of their bytes."""

from typing import Final

from loadtest.lanes.grammar import FOLDER, HOST, HOT
from loadtest.lanes.tokens import GOOD

_TOKEN: Final = f"Authorization: Bearer {GOOD[0]}"
_COLD: Final = f"{FOLDER}/nostore-100-0.mp4"


def _request(line: str, *lines: str, content: str = "", host: str = f"Host: {HOST}") -> bytes:
    return "\r\n".join([f"{line} HTTP/1.1", host, *lines, "", content]).encode("latin-1")


CORPUS: Final = (
    _request(f"GET /~{GOOD[0]}{HOT[4]}"),
    _request(f"GET {HOT[4]}", _TOKEN, "Range: bytes=0-99"),
    _request(f"GET {HOT[4]}", f"CTA-Common-Access-Token: {GOOD[1]}", "Range: bytes=-10"),
    _request(f"HEAD {HOT[4]}", _TOKEN),
    _request(f"GET {HOT[4]}", _TOKEN, 'If-None-Match: "v1"'),
    _request(f"GET {HOT[4]}", _TOKEN, "Range: bytes=0-0,5-6"),
    _request(f"GET {HOT[4]}"),
    _request(f"GET {HOT[4]}", _TOKEN, "Range: bytes=999999-"),
    _request(f"GET {_COLD}", _TOKEN),
    _request("OPTIONS *"),
    _request(f"GET http://{HOST}{HOT[4]}", _TOKEN),
    _request(f"GET {HOT[4]}", _TOKEN, "Connection: close"),
    _request(f"GET {HOT[4]}", _TOKEN, "Upgrade: h2c", "Connection: upgrade"),
    _request(f"GET {HOT[4]}", _TOKEN, "Content-Length: 0"),
    _request(f"GET {HOT[4]}", _TOKEN, "Content-Length: 5", content="hello"),
    _request(f"POST {_COLD}", _TOKEN, "Content-Length: 18", content="GET / HTTP/1.1\r\n\r\n"),
    _request(
        f"PUT {_COLD}",
        _TOKEN,
        "Transfer-Encoding: chunked",
        content="5;a=b\r\nhello\r\n1\r\n\r\r\n0\r\nX: y\r\n\r\n",
    ),
    _request(f"POST {HOT[4]}", "Content-Length: 5", content="hello"),
    _request(f"GET {HOT[4]}", _TOKEN, "Transfer-Encoding: chunked", content="0\r\n\r\n"),
    _request(f"GET {HOT[4]}", _TOKEN, "X : y"),
    _request(f"GET {HOT[4]}", _TOKEN, "X: a\n b"),
    _request(f"GET {HOT[4]}", _TOKEN, "Content-Length: 1", "Transfer-Encoding: chunked"),
    _request(f"GET {HOT[4]}", _TOKEN, host="X: y"),
    _request(f"POST {_COLD}", _TOKEN, "Transfer-Encoding: chunked", content="5 \r\nhello\r\n"),
    b"\r\n" + _request(f"GET {HOT[4]}", _TOKEN),
    f"GET {HOT[4]} HTTP/1.0\r\n{_TOKEN}\r\n\r\n".encode(),
    f"GET {HOT[4]} HTTP/1.0\r\n{_TOKEN}\r\nConnection: keep-alive\r\n\r\n".encode(),
    b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n",
)  # fmt: skip
