from config.backoff import Backoff


def test_the_first_restart_is_immediate_and_the_rest_is_bounded():
    backoff = Backoff()
    pauses_s = [backoff.note_end(lived_s=1.0) for _ in range(2_000)]
    assert pauses_s[:5] == [0.0, 0.5, 1.0, 2.0, 4.0]
    assert pauses_s == sorted(pauses_s)
    assert pauses_s[-1] == 30.0


def test_who_has_lived_for_long_is_started_at_once():
    backoff = Backoff()
    for _ in range(10):
        backoff.note_end(lived_s=0.0)
    assert backoff.note_end(lived_s=60.0) == 0.0
    assert backoff.note_end(lived_s=0.0) == 0.5
