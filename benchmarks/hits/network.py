"""A network of a measurement's own: loopback alone, with a TCP congestion control that is known.

Else what the machine is set to stands in every figure. BBR paces what is sent, over loopback by a
timer of the kernel for each connection: from 256 KiB on that costs a server more than all else.
Namespaces are those of network_namespaces(7), settings those of tcp(7).
"""

import contextlib
import ctypes
import fcntl
import os
import socket
import stat
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# What Linux has where nobody has chosen another.
USUAL: Final = "cubic"

_NAMESPACE: Final = Path("/proc/thread-self/ns/net")
_SETTINGS: Final = Path("/proc/sys/net")
_IPV4: Final = _SETTINGS / "ipv4"
_CONGESTION_CONTROL: Final = _IPV4 / "tcp_congestion_control"
_AVAILABLE: Final = _IPV4 / "tcp_available_congestion_control"
# Neither read-only facts nor the key of Fast Open.
_SETTING_MODE: Final = 0o644

_CLONE_NEWNET: Final = 0x40000000
_SIOCSIFFLAGS: Final = 0x8914
_IFF_UP: Final = 1
# `struct ifreq` of netdevice(7): a name, and its flags at the head of a union.
_INTERFACE_FLAGS: Final = struct.Struct("16sh22x")


@dataclass(frozen=True, slots=True)
class Network:
    """What servers and load talk over.

    Attributes:
        congestion_control: of its TCP.
        refusal: why it is the machine's; None if it is one of its own.
    """

    congestion_control: str
    refusal: str | None

    @property
    def sentence(self) -> str:
        """What is to be known of it beside figures."""
        if self.refusal is None:
            return f"Network: one of its own, TCP congestion control {self.congestion_control}."
        return (
            f"Network: the machine's, TCP congestion control {self.congestion_control};"
            f" there is none of its own: {self.refusal}."
        )


def congestion_controls() -> list[str]:
    """Those that the kernel has loaded."""
    return _AVAILABLE.read_text().split()


@contextlib.contextmanager
def own_network(congestion_control: str = USUAL) -> Iterator[Network]:
    """Give this thread, and what it starts, a network of its own until the block is left.

    Who cannot have such a one stays in the machine's, as it is.
    """
    with contextlib.ExitStack() as stack:
        refusal = None
        try:
            settings = _read_settings()
            stack.enter_context(_new_namespace())
            _bring_up_loopback()
            _carry_over(settings)
            _CONGESTION_CONTROL.write_text(congestion_control)
        except OSError as error:
            stack.close()
            refusal = str(error)
        yield Network(_CONGESTION_CONTROL.read_text().strip(), refusal)


@contextlib.contextmanager
def _new_namespace() -> Iterator[None]:
    with _NAMESPACE.open("rb") as outside:
        _call("unshare", _CLONE_NEWNET)
        try:
            yield
        finally:
            _call("setns", outside.fileno(), _CLONE_NEWNET)


def _call(function: str, *arguments: int) -> None:
    """Call into the C library: Python has these two from 3.12 on."""
    if getattr(ctypes.CDLL(None, use_errno=True), function)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{function}: {os.strerror(code)}")


def _bring_up_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, _INTERFACE_FLAGS.pack(b"lo", _IFF_UP))


def _read_settings() -> Mapping[Path, str]:
    """What bears on TCP, and is the kernel's default in a new namespace."""
    files = [_SETTINGS / "core/somaxconn", _IPV4 / "ip_local_port_range", *_IPV4.glob("tcp_*")]
    return {
        file: file.read_text()
        for file in files
        if stat.S_IMODE(file.stat().st_mode) == _SETTING_MODE
    }


def _carry_over(settings: Mapping[Path, str]) -> None:
    for file, value in settings.items():
        # What is the whole machine's cannot be seen from here, and holds here, too.
        if file.exists() and file.read_text() != value:
            file.write_text(value)
