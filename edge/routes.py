"""Which server a request is for. No I/O."""

from enum import Enum, auto
from typing import Final

_LICENSES: Final = "/v1/licenses/"
_DEVICES: Final = "/v1/devices"
_TOKENS: Final = "/v1/tokens"


class Route(Enum):
    """Where a request goes, and what it needs."""

    ORIGIN = auto()  # Cached; the token stays here.
    DRM_WITH_TOKEN = auto()  # The token is checked here, and again by drm.
    DRM_OWN_CREDENTIAL = auto()  # The caller's own `Authorization` is for drm alone.


def route_of(path: str) -> Route:
    """The route of an accepted path."""
    if path == _TOKENS:
        return Route.DRM_OWN_CREDENTIAL
    if path == _DEVICES or path.startswith((_LICENSES, f"{_DEVICES}/")):
        return Route.DRM_WITH_TOKEN
    return Route.ORIGIN
