import pytest

from edge.supervisor.admin import _joined


@pytest.mark.parametrize(
    ("said", "told"),
    [
        pytest.param({}, {}, id="nobody"),
        pytest.param({0: {"a": "x"}}, {"a": "x"}, id="one says it for the node"),
        pytest.param({0: {"a": "x"}, 1: {"a": "x"}}, {"a": "x"}, id="all say it"),
        pytest.param({0: {}, 1: {"a": "x"}}, {"worker 1: a": "x"}, id="one of two"),
        pytest.param(
            {0: {"a": "x"}, 1: {"a": "y"}},
            {"worker 0: a": "x", "worker 1: a": "y"},
            id="each in its own words",
        ),
    ],
)
def test_what_workers_say_is_told_once(said: dict[int, dict[str, str]], told: dict[str, str]):
    assert _joined(said) == told
