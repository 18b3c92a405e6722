import os
from pathlib import Path

from pydantic import SecretStr

from config.credentials import Credential
from edge.app import EdgeCredentials
from edge.listening import ListenerKind
from edge.settings import EdgeSettings
from edge.slot import Slot
from edge.supervisor.brief import Brief, file_in_memory, read_file_in_memory

SECRET = "a-secret-of-the-operator"


def test_a_worker_is_told_everything_and_nobody_else():
    settings = EdgeSettings.model_validate(
        {
            "operator_credential": SecretStr(SECRET),
            "front": {"networks": ["10.0.0.0/8", "fd00::/8"]},
            "cache": {"disk": {"folders": [{"path": "/a", "bytes_max": 1 << 30}]}},
        }
    )
    brief = Brief(
        settings=settings,
        credentials=EdgeCredentials(Credential("edge-" + SECRET), Credential("inner-" + SECRET)),
        slot=Slot(1, 2, Path("/run/edge")),
        admin_path=Path("/run/edge/admin.sock"),
        media={ListenerKind.MEDIA: (3, 4)},
        is_successor=True,
        silence_s=1.5,
    )
    told = Brief.decode(brief.encode())
    assert told.settings.model_dump() == settings.model_dump()
    assert told.credentials.edge is not None
    assert told.credentials.edge.reveal() == "edge-" + SECRET
    assert (told.slot, told.admin_path, told.media) == (brief.slot, brief.admin_path, brief.media)
    assert (told.is_successor, told.silence_s) == (True, 1.5)
    assert SECRET not in repr(brief)


def test_one_of_an_earlier_program_asks_for_no_words():
    document = (
        b'{"settings":{},"edge":null,"operator":null,"slot":[0,1,"/run/edge"],'
        b'"admin_path":"/run/edge/admin.sock","media":{},"is_successor":false}'
    )
    assert Brief.decode(document).silence_s == 0.0


def test_it_stands_in_a_file_without_a_name():
    fd = file_in_memory(b"a document")
    assert not os.get_inheritable(fd)
    assert read_file_in_memory(fd) == b"a document"
