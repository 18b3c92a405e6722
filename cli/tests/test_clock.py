from cli.clock import MONOTONIC_CLOCK_S, WALL_CLOCK_S


def test_the_wall_clock_counts_from_the_epoch():
    assert WALL_CLOCK_S() > 1_700_000_000


def test_the_monotonic_clock_never_goes_back():
    assert MONOTONIC_CLOCK_S() <= MONOTONIC_CLOCK_S()
