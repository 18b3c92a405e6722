"""S3-FIFO: what is new goes soon, what comes back stays."""

from edge.eviction.s3fifo import SMALL_SHARE_MAX, SMALL_SHARE_MIN, S3FifoPolicy

SLICE = 256 << 10
BYTES_MAX = 1000 * SLICE


def filled() -> S3FifoPolicy[int]:
    """A policy in which 0 to 899 are in the main queue, and 900 to 999 are new."""
    policy: S3FifoPolicy[int] = S3FifoPolicy(bytes_max=BYTES_MAX, id_of=hash)
    for entry in range(900):
        policy.put(entry, SLICE)
    for entry in range(900, 1000):
        policy.put(entry, SLICE)
    for entry in range(900):
        policy.get(entry)
    for entry in range(10_000, 10_030):
        policy.put(entry, SLICE)
    return policy


def test_a_scan_pushes_out_what_is_new_and_nothing_else():
    policy = filled()
    for entry in range(20_000, 40_000):
        policy.put(entry, SLICE)
    assert sum(entry in policy for entry in range(870)) >= 800
    assert policy.bytes == BYTES_MAX


def test_what_comes_back_after_it_went_stays():
    policy = filled()
    policy.put(-1, SLICE)
    for entry in range(20_000, 20_300):
        policy.put(entry, SLICE)
    assert -1 not in policy
    policy.put(-1, SLICE)
    for entry in range(30_000, 30_300):
        policy.put(entry, SLICE)
    assert -1 in policy


def test_touches_within_seconds_do_not_make_an_entry_worth_keeping():
    policy = filled()
    policy.put(-1, SLICE)
    for _ in range(5):
        policy.get(-1)
    for entry in range(20_000, 20_300):
        policy.put(entry, SLICE)
    assert -1 not in policy


def test_a_touch_after_a_while_does():
    policy = filled()
    policy.put(-1, SLICE)
    for entry in range(20_000, 20_070):
        policy.put(entry, SLICE)
    policy.get(-1)
    for entry in range(30_000, 30_300):
        policy.put(entry, SLICE)
    assert -1 in policy


def test_the_small_queue_grows_while_entries_come_back_soon():
    policy = filled()
    assert policy.small_share == SMALL_SHARE_MIN
    for entry in range(100_000, 110_000):
        policy.put(entry, SLICE)
        if entry - 400 not in policy:
            policy.put(entry - 400, SLICE)
    assert policy.small_share > 2 * SMALL_SHARE_MIN
    assert policy.small_share <= SMALL_SHARE_MAX


def test_what_is_remembered_of_evicted_entries_is_bounded():
    policy: S3FifoPolicy[int] = S3FifoPolicy(bytes_max=512 << 20, id_of=hash)
    assert policy.ghost_memory_bytes < (512 << 20) / 1000
    for entry in range(20_000):
        policy.put(entry, 256 << 10)
    assert policy.ghost_memory_bytes < (512 << 20) / 1000
