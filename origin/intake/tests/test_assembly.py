import hashlib
from pathlib import Path

import pytest

from origin.intake.assembly import assemble
from origin.intake.errors import UploadDamagedError, UploadMismatchError, UploadRoomError
from origin.intake.part_store import PartStore
from origin.intake.tests.services import keys_in, make_store
from origin.intake.tests.uploads import add_complete, append, make_upload
from origin.intake.upload import PART_BYTES
from origin.intake.upload_store import UploadStore
from packager.errors import ScratchError


@pytest.mark.parametrize("told", [{}, {"sha256": hashlib.sha256(b"tone").hexdigest()}])
async def test_the_file_has_the_bytes_of_all_parts(tmp_path: Path, told: dict[str, str]):
    store = make_store()
    stored = await add_complete(store, b"tone", **told)
    await assemble(PartStore(store), stored.upload, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"tone"


async def test_another_digest_is_refused(tmp_path: Path):
    store = make_store()
    stored = await add_complete(store, b"tone", sha256="0" * 64)
    with pytest.raises(UploadMismatchError):
        await assemble(PartStore(store), stored.upload, tmp_path / "a")


async def test_a_lost_part_is_told(tmp_path: Path):
    store = make_store()
    stored = await add_complete(store, b"tone" * PART_BYTES)
    await store.delete((await keys_in(store, "uploads/"))[1])
    with pytest.raises(UploadDamagedError):
        await assemble(PartStore(store), stored.upload, tmp_path / "a")


async def test_an_upload_that_is_not_complete_is_told(tmp_path: Path):
    store = make_store()
    stored = await append(store, await UploadStore(store).add(make_upload()), b"tone")
    with pytest.raises(UploadDamagedError, match="4 of 10"):
        await assemble(PartStore(store), stored.upload, tmp_path / "a")


async def test_a_file_that_cannot_be_written_is_told(tmp_path: Path):
    store = make_store()
    stored = await add_complete(store, b"tone")
    with pytest.raises(ScratchError):
        await assemble(PartStore(store), stored.upload, tmp_path / "none" / "a")


async def test_room_is_looked_for_first(tmp_path: Path):
    huge = make_upload(length=1 << 60)
    with pytest.raises(UploadRoomError, match="bytes are free"):
        await assemble(PartStore(make_store()), huge, tmp_path / "a")
    assert not (tmp_path / "a").exists()
