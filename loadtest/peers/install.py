"""Installs the peers that are missing, and what measures them, from the packages of Debian.

Who may not install is told what is missing; the tables then have `-` for it.
"""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Final

from loadtest.peers.catalogue import PEERS
from loadtest.peers.process import find_program

# Programs that put them under load, and what compiles our edge, and the floor that all are
# measured against.
_TOOLS: Final = {"wrk": "wrk", "gcc": "gcc"}


def main() -> int:
    """Install what is missing; 0 even if that fails, since each can be done without."""
    packages = {peer.package for peer in PEERS.values() if not peer.is_installed}
    packages |= {package for name, package in _TOOLS.items() if find_program(name) is None}
    if "gcc" in packages:
        packages.add("libc6-dev")
    if not Path(sysconfig.get_path("include"), "Python.h").is_file():
        packages.add("python3-dev")
    missing = sorted(packages)
    if not missing:
        return 0
    command = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *missing]
    if os.geteuid() != 0 or find_program("apt-get") is None:
        print(f"missing: {', '.join(missing)}; as root: {' '.join(command)}")
        return 0
    print(f"installing {', '.join(missing)}")
    # They are to run when they are called, not as services.
    done = subprocess.run(command, env={**os.environ, "RUNLEVEL": "1"}, check=False)
    if done.returncode:
        print(f"apt-get ended with {done.returncode}: they are left out", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
