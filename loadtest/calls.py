"""Plain HTTP calls to a node under test, with whatever status they are answered."""

import base64
import json
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass
from email.message import Message
from typing import Final

_DEADLINE_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Message
    body: bytes

    @property
    def problem(self) -> str:
        """Slug of a problem document."""
        return str(json.loads(self.body)["type"]).removeprefix("urn:attacca:problem:")


def call(
    url: str, headers: dict[str, str] | None = None, *, content: bytes | None = None
) -> Answer:
    """GET a URL, or POST `content` to it."""
    request = urllib.request.Request(url, data=content, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=_DEADLINE_S) as response:
            return Answer(response.status, response.headers, response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read())


def content_key(edge: str, headers: dict[str, str], kid: uuid.UUID) -> bytes:
    """The content key that a Clear Key licence gives for `kid`."""
    wanted = base64.urlsafe_b64encode(kid.bytes).decode().rstrip("=")
    content = json.dumps({"kids": [wanted], "type": "temporary"}).encode()
    answer = call(f"{edge}/v1/licenses/clearkey", headers, content=content)
    assert answer.status == 200, answer.body
    (key,) = json.loads(answer.body)["keys"]
    return base64.urlsafe_b64decode(key["k"] + "==")
