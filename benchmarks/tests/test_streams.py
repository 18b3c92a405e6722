"""Listeners: when they ask, when they are behind, how many fit, and one crowd of them for real."""

import json
import multiprocessing
import socket
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks.hits.network import Network
from benchmarks.streams.crowd import Crowd, Grow, Report, run_crowd
from benchmarks.streams.listener import BrokenError, Listener, Question, State
from benchmarks.streams.pace import PERIOD_S, Level, Played, Schedule, fitted, percentile, spread
from benchmarks.streams.report import (
    AIM_COLUMNS,
    LEVEL_COLUMNS,
    RESULTS,
    Findings,
    aim_rows,
    level_rows,
    listener_bytes,
    write_results,
)

CONTENT = bytes(range(256)) * 4
QUESTION = Question(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", CONTENT[:16], len(CONTENT))
HEAD = b"HTTP/1.1 206 Partial\r\ncontent-length: %d\r\n\r\n"
ANSWER = HEAD % len(CONTENT) + CONTENT


def level(listeners: int, cpu_share: float, memory_bytes: int = 0, behind: int = 0) -> Level:
    return Level(listeners, 10.0, cpu_share * 10, memory_bytes, Played(behind=behind))


def test_a_range_is_late_when_the_one_before_has_been_played():
    schedule = Schedule(100.0)
    assert schedule.lateness_s(0, 100.5) == pytest.approx(0.5 - PERIOD_S)
    assert schedule.lateness_s(2, 100.0 + 3 * PERIOD_S + 0.25) == pytest.approx(0.25)


def test_who_is_behind_is_counted_and_the_worst_is_told():
    played, schedule = Played(), Schedule(0.0)
    for number, done_s in enumerate((0.1, 2 * PERIOD_S + 0.5, 2 * PERIOD_S + 1.0)):
        played.note(schedule, number, done_s)
    assert (played.ranges, played.behind) == (3, 1)
    assert played.worst_late_s == pytest.approx(0.5)
    assert max(played.answers_s) == pytest.approx(PERIOD_S + 0.5)


def test_a_range_that_never_comes_is_not_forgotten():
    played = Played()
    played.note_waiting(Schedule(0.0), 0, PERIOD_S - 0.1)
    assert played.behind == 0
    played.note_waiting(Schedule(0.0), 0, PERIOD_S + 3.0)
    assert played.behind == 1
    assert played.worst_late_s == pytest.approx(3.0)


def test_listeners_are_evenly_in_phase():
    begins = [one.begin_s for one in spread(8, 5.0)]
    assert begins[0] == 5.0
    assert [b - a for a, b in pairwise(begins)] == pytest.approx([PERIOD_S / 8] * 7)


@pytest.mark.parametrize(
    ("levels", "count"),
    [
        pytest.param([level(2000, 0.11), level(4000, 0.21)], 13_800, id="a line with an offset"),
        pytest.param([level(2000, 0.1)], 14_000, id="one level, in proportion"),
        pytest.param([level(2000, 0.2), level(4000, 0.1)], 28_000, id="a line that falls"),
    ],
)
def test_how_many_fit_is_fitted(levels: list[Level], count: float):
    assert fitted(levels) == pytest.approx(count)


def test_percentiles_are_values_that_were_seen():
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([3.0, 1.0, 2.0], 1.0) == 3.0
    assert percentile([], 0.5) == 0.0


def test_the_tables_tell_what_is_met():
    found = Findings()
    found.levels["attacca", "tls"] = [level(2000, 0.04), level(4000, 0.08, 80 << 20, behind=1)]
    found.levels["nginx", "tls"] = [level(2000, 0.05), level(4000, 0.07)]
    found.idle_bytes["attacca", "tls"] = 41 * 1024
    rows = aim_rows(found)
    assert {len(row) for row in rows} == {len(AIM_COLUMNS)}
    assert {len(row) for row in level_rows(found)} == {len(LEVEL_COLUMNS)}
    assert [row[-1] for row in rows] == ["yes", "no", "no", "yes", "no", "no"]
    assert listener_bytes(found.levels["attacca", "tls"]) == (80 << 20) / 2000


def test_results_tell_how_they_were_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    network = Network("reno", None)
    write_results(Findings(facts=[network.sentence]), "few")
    document = json.loads((RESULTS / "few.json").read_text())
    assert document["facts"] == [network.sentence]
    assert network.sentence in (RESULTS / "few.md").read_text().splitlines()


@pytest.fixture
def pair() -> Iterator[tuple[Listener, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.settimeout(0)
    with ours, theirs:
        listener = Listener(ours, None, [QUESTION], 0)
        listener.advance()
        listener.ask()
        yield listener, theirs


@pytest.mark.parametrize("cut", range(1, len(ANSWER), 97))
def test_an_answer_may_come_in_pieces(pair: tuple[Listener, socket.socket], cut: int):
    listener, server = pair
    for piece in (ANSWER[:cut], ANSWER[cut:]):
        assert listener.state is State.ANSWER
        server.sendall(piece)
        listener.advance()
    assert listener.state is State.TURN


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 404 No\r\nContent-Length: 1024\r\n\r\n" + CONTENT, id="status"),
        pytest.param(HEAD % 9 + CONTENT, id="length"),
        pytest.param(HEAD % len(CONTENT) + CONTENT[::-1], id="bytes"),
        pytest.param(ANSWER + b"more", id="too much"),
        pytest.param(b"", id="end"),
    ],
)
def test_a_wrong_answer_is_noticed(pair: tuple[Listener, socket.socket], answer: bytes):
    listener, server = pair
    server.sendall(answer)
    server.shutdown(socket.SHUT_WR)
    with pytest.raises(BrokenError):
        listener.advance()


def _serve(server: socket.socket) -> None:
    with server.accept()[0] as connection:
        while connection.recv(4096):
            connection.sendall(ANSWER)


@pytest.mark.socket
def test_a_crowd_comes_asks_and_tells():
    with socket.create_server(("127.0.0.1", 0)) as server:
        threads = [threading.Thread(target=_serve, args=(server,)) for _ in range(3)]
        crowd = Crowd("127.0.0.1", server.getsockname()[1], ("127.0.0.9",), None, [QUESTION])
        ours, theirs = multiprocessing.Pipe()
        threads.append(threading.Thread(target=run_crowd, args=(crowd, theirs)))
        for thread in threads:
            thread.start()
        ours.send(Grow(2, is_idle=True))
        assert ours.recv() is None
        ours.send(Grow(1, is_idle=False))
        assert ours.recv() is None
        played = Played()
        while not played.ranges:
            ours.send(Report())
            played = ours.recv()
        assert (played.behind, played.failed) == (0, 0)
        ours.send(None)
        for thread in threads:
            thread.join(10)
    assert not any(thread.is_alive() for thread in threads)
