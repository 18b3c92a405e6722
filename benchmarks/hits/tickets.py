"""What each request carries so that it is admitted: tokens for our edge, signed links for nginx."""

import base64
import hashlib
import secrets
import time
from collections.abc import Iterable
from typing import Final

from benchmarks.hits.shapes import Shape, track_of
from drm.tokens import SigningKey, TokenClaims, encode_key_set, issue_token, key_set_of

LIFE_S: Final = 6 * 3600
# As many tracks as an album has: one session listens to one album.
_TRACKS_OF_A_TOKEN: Final = 12


class Tickets:
    """Keys of this run, and what they have signed."""

    def __init__(self, shapes: Iterable[Shape]) -> None:
        self._key = SigningKey(secrets.token_bytes(32))
        self.link_secret = secrets.token_urlsafe(24)
        self._now_s = int(time.time())
        self._token_by_path: dict[str, str] = {}
        for shape in {one.number: one for one in shapes}.values():
            self._issue(shape)

    @property
    def key_set(self) -> bytes:
        """The public keys, as drm publishes them."""
        return encode_key_set(key_set_of([self._key.verification_key]))

    def fields_of(self, path: str) -> str:
        """The field that our edge looks for."""
        return f"Authorization: Bearer {self._token_by_path[path]}\r\n"

    def link_of(self, path: str) -> str:
        """A path as `secure_link` admits it."""
        expires = self._now_s + LIFE_S
        text = f"{expires}{path} {self.link_secret}"
        digest = hashlib.md5(text.encode(), usedforsecurity=False).digest()
        signed = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        return f"{path}?md5={signed}&expires={expires}"

    def _issue(self, shape: Shape) -> None:
        paths = shape.paths()
        for first in range(0, len(paths), _TRACKS_OF_A_TOKEN):
            numbers = range(first, min(first + _TRACKS_OF_A_TOKEN, len(paths)))
            claims = TokenClaims(
                session=f"listener-{shape.number}-{first}",
                issued_s=self._now_s - 60,
                expires_s=self._now_s + LIFE_S,
                tracks=tuple(track_of(shape.number, number) for number in numbers),
            )
            token = issue_token(claims, self._key)
            for number in numbers:
                self._token_by_path[paths[number]] = token
