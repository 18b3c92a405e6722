"""A network of a measurement's own: who is in it, what holds there, and what stays outside."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.hits.__main__ import facts_of
from benchmarks.hits.measuring import Effort, Findings
from benchmarks.hits.network import Network, congestion_controls, own_network

ROOT = Path(__file__).parents[2]
SETTINGS = Path("/proc/sys/net")
CONGESTION_CONTROL = SETTINGS / "ipv4/tcp_congestion_control"
NAMESPACE = Path("/proc/thread-self/ns/net")
TELL = """
import os
from benchmarks.hits.network import own_network
print(os.readlink("/proc/self/ns/net"))
with own_network("reno") as network:
    print(os.readlink("/proc/self/ns/net"))
print(network.sentence)
"""

IS_ABLE = (
    os.geteuid() == 0 and not subprocess.run(["unshare", "--net", "true"], check=False).returncode
)

able = pytest.mark.skipif(not IS_ABLE, reason="this user may not have a network of its own")


@able
@pytest.mark.socket
def test_all_of_loopback_is_there_and_nothing_else():
    with own_network("reno") as network, socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        with socket.create_connection(address, 5, source_address=("127.0.0.26", 0)) as connection:
            used = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16)
        with (
            socket.socket(type=socket.SOCK_DGRAM) as leaving,
            pytest.raises(OSError, match="reach"),
        ):
            leaving.connect(("192.0.2.1", 9))
    assert network == Network("reno", None)
    assert used.rstrip(b"\0") == b"reno"


@able
def test_what_is_started_within_is_within_and_the_machine_stays_as_it_is():
    outside, before = NAMESPACE.readlink(), CONGESTION_CONTROL.read_text()
    with own_network("reno"):
        inside = NAMESPACE.readlink()
        command = ["readlink", "/proc/self/ns/net"]
        child = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    assert str(inside) == child != str(outside)
    assert (NAMESPACE.readlink(), CONGESTION_CONTROL.read_text()) == (outside, before)


@able
@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("core/somaxconn", "1234", id="how many may wait to be accepted"),
        pytest.param("ipv4/ip_local_port_range", "20000\t30000", id="ports"),
        pytest.param("ipv4/tcp_wmem", "4096\t20480\t2097152", id="room to send"),
        pytest.param("ipv4/tcp_rmem", "4096\t65536\t2097152", id="room to receive"),
        pytest.param("ipv4/tcp_slow_start_after_idle", "0", id="another of TCP"),
    ],
)
def test_settings_of_outside_hold_inside(name: str, value: str):
    with own_network("reno"):
        file = SETTINGS / name
        file.write_text(value)
        with own_network("cubic"):
            assert file.read_text().strip() == value
            assert CONGESTION_CONTROL.read_text().strip() == "cubic"
        assert CONGESTION_CONTROL.read_text().strip() == "reno"


@able
def test_one_that_the_kernel_does_not_have_leaves_all_as_it_is():
    outside, before = NAMESPACE.readlink(), CONGESTION_CONTROL.read_text()
    with own_network("avian") as network:
        assert NAMESPACE.readlink() == outside
    assert network.congestion_control == before.strip() in congestion_controls()
    assert "avian" not in congestion_controls()
    assert network.refusal is not None


def test_facts_of_a_run_tell_whose_network_it_was():
    own, machines = Network("reno", None), Network("bbr", "it may not")
    for network in (own, machines):
        assert network.sentence in facts_of(Findings(), Effort(rounds=1, seconds=1), network)
    assert own.sentence == "Network: one of its own, TCP congestion control reno."
    assert "the machine's, TCP congestion control bbr" in machines.sentence
    assert "it may not" in machines.sentence


def test_who_may_not_have_one_stays_in_the_machines_and_says_so():
    drop = ["setpriv", "--bounding-set=-sys_admin"] if os.geteuid() == 0 else []
    told = subprocess.run(
        [*drop, sys.executable, "-c", TELL], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    before, within, sentence = told
    assert before == within
    assert sentence.startswith("Network: the machine's, TCP congestion control ")
    assert "Operation not permitted" in sentence
