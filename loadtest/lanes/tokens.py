"""Tokens of every sort, made once: signing takes longer than a request."""

import random
from typing import Final

from drm.tokens import SigningKey, TokenClaims, issue_token
from loadtest.lanes.backend import KEY

NOW_S: Final = 1_700_000_000
TRACK: Final = "0123456789ABCDEFGHIJab"
OTHER_TRACK: Final = "0123456789ABCDEFGHIJac"
ALBUM: Final = "0123456789ABCDEFGHIJal"

# Beyond the hours that a run pretends to last.
_LATER_S: Final = NOW_S + 10**8
_STRANGER: Final = SigningKey(bytes(range(1, 33)))


def _token(key: SigningKey = KEY, **changes: object) -> str:
    claims: dict[str, object] = {
        "session": "listener-1",
        "issued_s": NOW_S - 100,
        "expires_s": _LATER_S,
        "tracks": (TRACK,),
        "is_path_bound": True,
        **changes,
    }
    return issue_token(TokenClaims(**claims), key)  # type: ignore[arg-type]


GOOD: Final = (
    _token(),
    _token(session="listener-2", tracks=(TRACK, OTHER_TRACK)),
    _token(albums=(ALBUM,)),
)
# Each opens something, or would if it were sent in another way, by another client or earlier.
_OTHERS: Final = (
    _token(expires_s=NOW_S - 10),
    _token(expires_s=NOW_S + 50),
    _token(expires_s=NOW_S + 2_000),
    _token(tracks=(OTHER_TRACK,)),
    _token(renditions=frozenset({"long"})),
    _token(tracks=(), prefixes=("/v1/audio/",), is_path_bound=False),
    _token(is_path_bound=False),
    _token(network="127.0.0.0/30"),
    _token(network="10.0.0.0/8"),
    _token(_STRANGER),
)


def token(chance: random.Random) -> str:
    """A token: mostly a good one."""
    match chance.randrange(60):
        case 0:
            return chance.choice(["", "x", "a.b.c", "..", "~", "%20", "a" * 2049])
        case 1:
            text = chance.choice(GOOD)
            place = chance.randrange(len(text))
            return text[:place] + chance.choice("aA0.-_ ~/%") + text[place + 1 :]
        case 2 | 3 | 4:
            return chance.choice(_OTHERS)
        case _:
            return chance.choice(GOOD)
