"""Proof: the shipped configurations of Caddy, nginx and HAProxy in front of an edge do as they say.

Each is started from its file in `config/fronts/`, before an edge behind a Unix socket, and asked
by HTTP/1.1, HTTP/2 and, where it speaks it, HTTP/3: for the whole and for ranges, by clients of
several addresses, with forged fields, with a token in the path, and with the edge gone.

Needs nginx, haproxy, caddy, curl and h2load; HTTP/3 is asked for by Chromium, since Debian's curl
does not speak it.
"""

import argparse
import base64
import contextlib
import hashlib
import html
import json
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from typing_extensions import override

from benchmarks.hits.certificate import make_certificate
from config.tests.free_ports import free_port
from loadtest.fronts import FRONTS, HOST, Front, Stage
from loadtest.peers.attacca import running_configured_edge
from loadtest.peers.process import CacheFailedError, find_program, program

CONTENT: Final = random.Random(5).randbytes(1_500_000)
SECRET: Final = "se-cr.et_token.of-a.listener"  # noqa: S105 - it opens nothing
CLIENTS: Final = ("127.0.0.2", "127.0.0.3")
FORGED: Final = "203.0.113.99"
PART: Final = (300_001, 900_000)
REQUESTS: Final = 2_000

_CURL_S_MAX: Final = 30.0
_BROWSER_S_MAX: Final = 60.0
_PAGE: Final = (
    b"""<!doctype html><title>probe</title><body>waiting<script>
(async () => {
  const answer = await fetch("part", {headers: {Range: "bytes=%d-%d"}});
  const digest = await crypto.subtle.digest("SHA-256", await answer.arrayBuffer());
  const hex = [...new Uint8Array(digest)].map((one) => one.toString(16).padStart(2, "0")).join("");
  const [entry] = performance.getEntriesByType("navigation");
  document.body.textContent = `${entry.nextHopProtocol} ${answer.status} ${hex}`;
})();
</script>"""
    % PART
)


class Proof:
    """Counts what does not hold, and says so."""

    def __init__(self) -> None:
        self.failures = 0

    def check(self, what: str, *, holds: bool, found: object = "") -> None:
        """Note one thing."""
        self.failures += not holds
        print(f"  {'ok  ' if holds else 'FAIL'} {what}{'' if holds else f': {found}'}")


def main() -> int:
    """Run the proof; 0 when everything holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    names = [front.name for front in FRONTS]
    parser.add_argument("fronts", nargs="*", metavar="FRONT", help=f"of {', '.join(names)}")
    wanted = set(parser.parse_args().fronts) or set(names)
    if unknown := wanted - set(names):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    proof = Proof()
    for front in FRONTS:
        if front.name in wanted:
            print(front.name)
            try:
                verify(front, proof)
            except CacheFailedError as error:
                proof.check("it runs", holds=False, found=error)
    print(f"{proof.failures} failures")
    return 1 if proof.failures else 0


def verify(front: Front, proof: Proof) -> None:
    """All that is asked of one front."""
    with tempfile.TemporaryDirectory() as name, running_origin() as origin_url:
        folder = Path(name)
        folder.chmod(0o755)  # nginx's workers are another user.
        stage = Stage(folder, free_port())
        _write_certificate(folder)
        settings = folder / "edge.toml"
        settings.write_text(_edge_settings(folder, front, origin_url))
        with running_configured_edge(folder, settings) as edge:
            with front.running(stage):
                for protocol in front.protocols:
                    _check_protocol(stage, protocol, proof)
                _check_clients(stage, proof)
                _check_load(stage, proof)
            _check_strangers(edge.url, stage, proof)
        with front.running(stage):
            status, _ = curl(stage, f"/~{SECRET}/gone", "2", CLIENTS[0])
            proof.check("without an edge: 502 or 503", holds=status in {502, 503}, found=status)
        _check_log(stage, proof)


def _check_protocol(stage: Stage, protocol: str, proof: Proof) -> None:
    if protocol == "3":
        _check_browser(stage, proof)
        return
    for path, part in ((f"/whole-{protocol}", None), (f"/part-{protocol}", PART)):
        for attempt in ("miss", "hit"):
            status, content = curl(stage, path, protocol, CLIENTS[0], part=part)
            expected = CONTENT if part is None else CONTENT[part[0] : part[1] + 1]
            is_right = status == (200 if part is None else 206) and content == expected
            told = f"HTTP/{protocol}, {path}, {attempt}"
            proof.check(told, holds=is_right, found=(status, len(content)))
    status, content = curl(stage, f"/~{SECRET}/v1/track?x=1", protocol, CLIENTS[0])
    proof.check(f"HTTP/{protocol}, a token in the path", holds=content == CONTENT, found=status)


def _check_clients(stage: Stage, proof: Proof) -> None:
    """The edge sees each client as itself, whatever it says of itself."""
    forged = ("-H", f"X-Forwarded-For: {FORGED}", "-H", f"Forwarded: for={FORGED}")
    for turn in range(3):
        for client in CLIENTS:
            for protocol in ("1.1", "2"):
                path = f"/client/{client}/{protocol}/{turn}"
                curl(stage, path, protocol, client, options=forged)
    time.sleep(0.5)  # The log is written ten times a second.
    lines = [json.loads(line) for line in (stage.folder / "access.log").read_text().splitlines()]
    seen = {line["path"]: line["client"] for line in lines if line["path"].startswith("/client/")}
    wrong = {path: client for path, client in seen.items() if path.split("/")[2] != client}
    expected = 3 * len(CLIENTS) * 2
    proof.check("clients are told apart", holds=not wrong and len(seen) == expected, found=wrong)
    has_forged = any(line["client"] == FORGED for line in lines)
    proof.check("forged fields mean nothing", holds=not has_forged)


def _check_load(stage: Stage, proof: Proof) -> None:
    command = [
        program("h2load"),
        f"--requests={REQUESTS}",
        "--clients=10",
        "--max-concurrent-streams=10",
    ]
    done = subprocess.run(
        [*command, f"https://{HOST}:{stage.port}/part-2"],
        capture_output=True,
        text=True,
        timeout=_BROWSER_S_MAX,
        check=False,
    )
    told = re.search(r"status codes: (\d+) 2xx", done.stdout)
    count = int(told[1]) if told else 0
    proof.check(f"{REQUESTS} requests by HTTP/2", holds=count == REQUESTS, found=count)


def _check_strangers(edge_url: str, stage: Stage, proof: Proof) -> None:
    """Whoever comes to the edge's own listener is believed nothing."""
    fields = ("-H", f"X-Forwarded-For: {FORGED}", "-H", f"Forwarded: for={FORGED}")
    _run_curl([*fields, "--interface", CLIENTS[0], f"{edge_url}/stranger/fields"])
    done = _run_curl(["--haproxy-protocol", f"{edge_url}/stranger/head", "-w", "%{http_code}"])
    time.sleep(0.5)
    lines = [json.loads(line) for line in (stage.folder / "access.log").read_text().splitlines()]
    seen = [line["client"] for line in lines if line["path"] == "/stranger/fields"]
    proof.check("a stranger's fields mean nothing", holds=seen == [CLIENTS[0]], found=seen)
    refused = done.stdout.endswith(b"400")
    proof.check("a stranger's PROXY head is refused", holds=refused, found=done.stdout[-20:])


def _check_browser(stage: Stage, proof: Proof) -> None:
    chromium = find_program("chromium")
    if chromium is None:
        proof.check("HTTP/3 (by Chromium)", holds=False, found="there is no Chromium here")
        return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        done = subprocess.run(
            [
                chromium,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--disable-background-networking",
                f"--user-data-dir={profile}",
                f"--host-resolver-rules=MAP {HOST} 127.0.0.1",
                f"--origin-to-force-quic-on={HOST}:{stage.port}",
                f"--ignore-certificate-errors-spki-list={_key_digest(stage.folder)}",
                "--virtual-time-budget=20000",
                "--dump-dom",
                f"https://{HOST}:{stage.port}/~{SECRET}/browser/page",
            ],
            capture_output=True,
            text=True,
            timeout=_BROWSER_S_MAX,
            check=False,
        )
    said = re.search(r"<body>([^<]*)", done.stdout)
    told = html.unescape(said[1]).strip() if said else done.stdout[-200:]
    digest = hashlib.sha256(CONTENT[PART[0] : PART[1] + 1]).hexdigest()
    proof.check("HTTP/3, a page and a part", holds=told == f"h3 206 {digest}", found=told)


def _check_log(stage: Stage, proof: Proof) -> None:
    log = stage.log()
    proof.check("no token in its logs", holds=SECRET not in log)
    proof.check("but where it stood", holds="/~-/v1/track" in log, found=log[-300:])
    proof.check("also without an edge", holds="/~-/gone" in log, found=log[-300:])


def curl(
    stage: Stage,
    path: str,
    protocol: str,
    client: str,
    *,
    part: tuple[int, int] | None = None,
    options: tuple[str, ...] = (),
) -> tuple[int, bytes]:
    """Ask a front; status and content, or what went wrong in place of a status."""
    range_options = () if part is None else ("--range", f"{part[0]}-{part[1]}")
    target = f"https://{HOST}:{stage.port}{path}"
    authority = ("--cacert", str(stage.folder / "edge.example.pem"), "--interface", client)
    told = ("-w", "%{stderr}%{http_code} %{http_version}")
    done = _run_curl([f"--http{protocol}", *authority, *range_options, *options, *told, target])
    status, _, spoken = done.stderr.decode().rpartition("\n")[2].partition(" ")
    if spoken not in {protocol, "0"}:
        return -1, f"HTTP/{spoken} was spoken".encode()
    return int(status or 0), done.stdout


def _run_curl(arguments: list[str]) -> subprocess.CompletedProcess[bytes]:
    command = [program("curl"), "--silent", "--ipv4", "--path-as-is", *arguments]
    return subprocess.run(command, capture_output=True, timeout=_CURL_S_MAX, check=False)


class _OriginHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """The page, or the content, as a whole or in part."""
        content, status, told = CONTENT, 200, ""
        if self.path.endswith("/browser/page"):
            content = _PAGE
        elif wanted := re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", "")):
            first, last = int(wanted[1]), min(int(wanted[2]), len(CONTENT) - 1)
            content, status = CONTENT[first : last + 1], 206
            told = f"bytes {first}-{last}/{len(CONTENT)}"
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if content is _PAGE else "audio/mp4")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "public, max-age=3600")
        self.send_header("ETag", '"v1"')
        if told:
            self.send_header("Content-Range", told)
        self.end_headers()
        self.wfile.write(content)

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def running_origin() -> Iterator[str]:
    """An origin that has the same content at every path; its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _OriginHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _edge_settings(folder: Path, front: Front, origin_url: str) -> str:
    return f"""
host = "127.0.0.1"
port = 0
admin_port = 0
upstream = "{origin_url}"
token_check = false
access_log = "{folder}/access.log"
[front]
socket = "{folder}/edge.sock"
socket_mode = "0666"
telling = "{front.telling}"
"""


def _write_certificate(folder: Path) -> None:
    made = make_certificate(folder)
    chain, key = made.chain.read_bytes(), made.key.read_bytes()
    (folder / "edge.example.pem").write_bytes(chain)
    (folder / "edge.example.key").write_bytes(key)
    (folder / "edge.example.both.pem").write_bytes(chain + key)


def _key_digest(folder: Path) -> str:
    """Of the certificate's public key, as Chromium wants to have it named."""
    certificate = x509.load_pem_x509_certificate((folder / "edge.example.pem").read_bytes())
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(key).digest()).decode()


if __name__ == "__main__":
    sys.exit(main())
