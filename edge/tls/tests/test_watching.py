import asyncio
from pathlib import Path

import pytest

from config.tasks import open_tasks
from edge.tls.keyring import Keyring
from edge.tls.tests.certificate_making import make, write
from edge.tls.watching import CertificateWatch


async def _until(caplog: pytest.LogCaptureFixture, text: str) -> None:
    async with asyncio.timeout(10):
        while text not in caplog.text:  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.001)


async def test_changes_are_noticed_and_mistakes_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("INFO")
    before, after = make("a.example"), make("b.example")
    files = write(before, tmp_path, "a")
    keyring = Keyring([files], is_tls12=True, clock=lambda: 0.0)
    async with open_tasks() as tasks:
        tasks.start(CertificateWatch(keyring, every_s=0.005).watch())
        files.key.write_bytes(b"half of a k")
        await _until(caplog, "those in use stay")
        assert keyring.certificates[0].names == ("a.example",)
        write(after, tmp_path, "a")
        await _until(caplog, "certificates are loaded")
    assert keyring.certificates[0].names == ("b.example",)
    assert "PRIVATE" not in caplog.text


async def test_asking_loads_them_at_once(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    caplog.set_level("INFO")
    before, after = make("a.example"), make("b.example")
    keyring = Keyring([write(before, tmp_path, "a")], is_tls12=True, clock=lambda: 0.0)
    write(after, tmp_path, "a")
    watch = CertificateWatch(keyring, every_s=3600.0)
    async with open_tasks() as tasks:
        tasks.start(watch.watch())
        watch.ask()
        await _until(caplog, "certificates are loaded")
    assert keyring.certificates[0].names == ("b.example",)
