from pathlib import Path

import pytest
from pydantic import ValidationError

from edge.front_settings import FrontSettings


def test_nobody_is_believed_unless_asked_for():
    assert FrontSettings().fronts() is None


def test_who_comes_by_the_socket_is():
    settings = FrontSettings(socket=Path("/run/a.sock"), socket_mode="0660")
    fronts = settings.fronts()
    assert fronts is not None
    assert fronts.has("")
    assert not fronts.has("127.0.0.1")
    assert settings.mode == 0o660


@pytest.mark.parametrize(
    ("key", "value"),
    [("socket_mode", "660"), ("socket_mode", "0777"), ("networks", ["10.0.0.1/8"])],
)
def test_what_is_no_setting(key: str, value: object):
    with pytest.raises(ValidationError, match=key):
        FrontSettings.model_validate({key: value})
