"""What is let into a tier."""

import hashlib

from edge.eviction.admission import Admission, AdmitAll, SecondRequest


def digest_of(number: int) -> bytes:
    return hashlib.blake2b(number.to_bytes(8, "little"), digest_size=16).digest()


def test_all_are_admitted_at_once():
    admission: Admission = AdmitAll()
    assert admission.admits(digest_of(1))


def test_the_second_request_is_admitted():
    admission: Admission = SecondRequest(window=100)
    assert not admission.admits(digest_of(1))
    assert admission.admits(digest_of(1))
    assert not admission.admits(digest_of(2))


def test_a_request_is_remembered_for_the_window_and_forgotten_after_two():
    admission = SecondRequest(window=1000)
    admission.admits(digest_of(0))
    for number in range(1, 1000):
        admission.admits(digest_of(number))
    assert admission.admits(digest_of(0))
    for number in range(1000, 3100):
        admission.admits(digest_of(number))
    assert not admission.admits(digest_of(0))


def test_a_scan_is_kept_out():
    admission = SecondRequest(window=5000)
    admitted = sum(admission.admits(digest_of(number)) for number in range(20_000))
    assert admitted < 200


def test_memory_stays_at_four_bytes_for_each_remembered():
    admission = SecondRequest(window=10_000)
    before = admission.memory_bytes
    for number in range(50_000):
        admission.admits(digest_of(number))
    assert admission.memory_bytes == before == 2 * 10_000 * 2
