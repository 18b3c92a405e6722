"""Which server a path belongs to."""

import pytest

from edge.routes import Route, route_of


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", Route.ORIGIN),
        ("/v1/tracks/x", Route.ORIGIN),
        ("/v1/licenses", Route.ORIGIN),
        ("/v1/licenses/clearkey", Route.DRM_WITH_TOKEN),
        ("/v1/devices", Route.DRM_WITH_TOKEN),
        ("/v1/devices/1", Route.DRM_WITH_TOKEN),
        ("/v1/devicesx", Route.ORIGIN),
        ("/v1/tokens", Route.DRM_OWN_CREDENTIAL),
        ("/v1/tokens/", Route.ORIGIN),
        ("/v1/token-keys", Route.ORIGIN),
        ("/v1/content-keys", Route.ORIGIN),
    ],
)
def test_route(path: str, expected: Route):
    assert route_of(path) is expected
