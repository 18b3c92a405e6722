# mypy: disallow-untyped-calls=False
import json
import os
import re
import select
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mutagen.flac
import pytest

from packager.content_key import ContentKey
from packager.errors import TornMasterError, decode_error
from packager.identity import CpuClass, identity_from_json
from packager.inspection_result import inspection_from_json
from packager.jobs import (
    EXIT_NO_MEMORY,
    PackagingOrder,
    order_to_json,
    path_to_text,
)
from packager.seek_index import facts_from_json
from packager.tests.masters import cut, facts_of, music, saved, sound_file
from packager.worker import serve

KEY = ContentKey(uuid.UUID(int=9), b"\xabsecret secret\xcd\xef")
MEMORY = 400 << 20

Answer = Mapping[str, Any]


def answers_to(*requests: object) -> list[Answer]:
    answers: list[Answer] = []
    serve((json.dumps(request).encode() for request in requests), answers.append)
    return answers


def inspection_of(master: Path, *, niceness: int = 0) -> dict[str, object]:
    return {
        "job": "inspect",
        "niceness": niceness,
        "master": path_to_text(master),
        "edges": path_to_text(master.parent),
    }


def start(*, memory: int = MEMORY, cpu_class: str = "best") -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "packager", str(memory), cpu_class, str(os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )


def test_a_job_is_answered_with_progress_and_facts(tmp_path: Path):
    master = saved(tmp_path, sound_file(music(300_000)))
    *progress, last = answers_to(inspection_of(master))
    fractions = [answer["fraction"] for answer in progress]
    assert fractions == sorted(fractions)
    assert 3 < len(fractions) <= 100
    assert {answer["event"] for answer in progress} == {"progress"}
    assert last["event"] == "done"
    assert inspection_from_json(last["facts"]).facts.samples == 300_000


def test_an_order_is_carried_out_and_its_key_is_not_repeated(tmp_path: Path):
    master = saved(tmp_path, sound_file(music()))
    order = PackagingOrder(
        master=master,
        facts=facts_of(master),
        rendition="vorbis-160",
        version="v1",
        key=KEY,
        output=tmp_path / "out",
    )
    answers = answers_to({"job": "package", "niceness": 0, "order": order_to_json(order)})
    facts = facts_from_json(answers[-1]["facts"])
    assert facts.bytes == order.output.stat().st_size
    said = json.dumps(answers)
    assert KEY.key.hex() not in said
    assert "secret" not in said


@pytest.mark.skipif(sys.platform != "linux", reason="threads have a niceness on Linux alone")
def test_a_job_is_as_nice_as_it_is_told_and_the_next_one_no_more_than_that(tmp_path: Path):
    master = saved(tmp_path, sound_file(music()))
    own = os.getpriority(os.PRIO_PROCESS, 0)
    seen: list[int] = []

    def note(_: object) -> None:
        seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) - own)

    for niceness in (2, 0):
        serve(iter([json.dumps(inspection_of(master, niceness=niceness)).encode()]), note)
    # The answer itself is given outside of the job's thread.
    assert seen == [2] * (len(seen) // 2 - 1) + [0] * (len(seen) // 2 + 1)


def test_tags_are_answered_as_they_stand(tmp_path: Path):
    path = tmp_path / "master.flac"
    path.write_bytes(sound_file(music(), form="FLAC"))
    file = mutagen.flac.FLAC(path)
    file["artist"] = ["A", "\u202eB"]
    file.save()
    (answer,) = answers_to({"job": "tags", "niceness": 0, "master": path_to_text(path)})
    assert answer == {"event": "done", "facts": {"artist": ["A", "\u202eB"]}}


def test_an_error_is_answered_as_such_and_the_next_job_is_done(tmp_path: Path):
    flac = sound_file(music(), form="FLAC")
    torn, whole = saved(tmp_path, cut(flac), "torn"), saved(tmp_path, flac, "whole")
    answers = answers_to(
        inspection_of(torn),
        inspection_of(whole),
    )
    failed = next(answer for answer in answers if answer["event"] == "failed")
    error = decode_error(failed["error"])
    assert isinstance(error, TornMasterError)
    assert 0 < error.sample < 20_000
    assert answers[-1]["event"] == "done"


@pytest.mark.parametrize("request_", [{}, {"job": "dance"}, {"job": "inspect"}, [1]])
def test_a_request_that_is_not_understood_ends_the_worker(request_: object):
    with pytest.raises(ValueError, match="not understood"):
        answers_to(request_)


def test_a_worker_says_who_it_is_and_ends_with_its_input():
    with start() as worker:
        assert worker.stdout is not None
        ready = json.loads(worker.stdout.readline())
        assert identity_from_json(ready["identity"]).cpu_class in CpuClass
        said, errors = worker.communicate(timeout=20)
    assert (said, errors, worker.returncode) == (b"", b"", 0)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells so much of a process")
def test_a_worker_gains_no_privileges():
    with start() as worker:
        assert worker.stdout is not None
        worker.stdout.readline()
        status = Path(f"/proc/{worker.pid}/status").read_text()
        worker.communicate(timeout=20)
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE)


def test_a_class_that_this_machine_lacks_is_answered_as_an_error():
    other = "aarch64" if os.uname().machine == "x86_64" else "x86-64-v3"
    with start(cpu_class=other) as worker:
        said, _ = worker.communicate(timeout=20)
    assert json.loads(said)["error"]["reason"] == "worker_start"


def test_too_little_memory_ends_the_worker_with_a_status_of_its_own():
    with start(memory=48 << 20) as worker:
        worker.communicate(timeout=20)
    assert worker.returncode == EXIT_NO_MEMORY


def test_an_unexpected_line_ends_the_worker_with_a_traceback_and_without_the_line():
    with start() as worker:
        assert worker.stdin is not None
        assert worker.stderr is not None
        worker.stdin.write(b'{"job": "x", "key": "00ff00ff"}\n')
        worker.stdin.flush()
        errors = worker.stderr.read()
    assert worker.returncode == 1
    assert b"not understood" in errors
    assert b"00ff00ff" not in errors


def test_a_worker_does_not_outlive_its_parent():
    # A process that starts a worker and is then killed: the worker's pipes end, and so does it.
    program = (
        "import os, subprocess, sys;"
        f"worker = subprocess.Popen([sys.executable, '-m', 'packager', '{MEMORY}', 'best',"
        " str(os.getpid())], stdin=subprocess.PIPE, stdout=subprocess.PIPE);"
        "worker.stdout.readline(); print(worker.pid, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        watch = os.pidfd_open(pid)
        parent.send_signal(signal.SIGKILL)
    try:
        assert wait_for_end(watch)
    finally:
        os.close(watch)


def wait_for_end(pidfd: int) -> bool:
    readable, _, _ = select.select([pidfd], [], [], 10)
    return bool(readable)


def test_a_worker_that_was_left_before_it_began_ends_at_once():
    with subprocess.Popen(
        [sys.executable, "-m", "packager", str(MEMORY), "best", "1"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    ) as worker:
        said, _ = worker.communicate(timeout=20)
    assert said == b""
