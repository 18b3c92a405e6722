from edge.settings import EdgeSettings
from edge.supervisor.reloading import taken_up

RUNNING = EdgeSettings.model_validate({"port": 1000, "workers": 2})


def test_what_is_bound_stays_and_the_rest_is_taken_up():
    new = EdgeSettings.model_validate({"port": 2000, "workers": 2, "limits": {"fills_max": 7}})
    settings, fixed = taken_up(new, RUNNING)
    assert fixed == ["port"]
    assert settings.port == 1000
    assert settings.limits.fills_max == 7


def test_nothing_is_said_of_what_has_not_changed():
    settings, fixed = taken_up(RUNNING, RUNNING)
    assert (settings, fixed) == (RUNNING, [])


def test_the_socket_of_a_front_is_bound_and_what_it_may_say_is_not():
    new = EdgeSettings.model_validate(
        {
            "port": 1000,
            "workers": 2,
            "front": {"socket": "/run/edge.sock", "networks": ["10.0.0.0/8"]},
        }
    )
    settings, fixed = taken_up(new, RUNNING)
    assert fixed == ["front.socket"]
    assert settings.front.socket is None
    assert settings.front.networks == new.front.networks
