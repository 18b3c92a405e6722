from dataclasses import replace

import pytest

from origin.answer import RECORD
from origin.object_key import CONTEXTS_PREFIX, COVERS_PREFIX, master_key, rendition_key
from origin.records import TrackRecord
from origin.retention import (
    ORPHAN_S,
    SPARED_S,
    STALE_IF_ERROR_S,
    Fate,
    Retention,
    name_of,
    names_of,
    track_of,
)
from origin.tests.examples import COVER, HEAD, TAIL, TRACK, TRACK_ID, VERSION

NOW_S = 1_800_000_000.0
MONTH_S = 30 * 86_400.0


def superseded(at_s: int) -> TrackRecord:
    record = TRACK
    return record.with_version(replace(record.current, superseded_s=at_s))


@pytest.mark.parametrize(
    ("record", "version", "unused_s", "age_s", "fate"),
    [
        pytest.param(TRACK, VERSION, MONTH_S, MONTH_S, Fate.KEPT, id="used just in time"),
        pytest.param(TRACK, VERSION, MONTH_S, MONTH_S + 1, Fate.UNUSED, id="unused"),
        pytest.param(TRACK, VERSION, None, 100 * MONTH_S, Fate.KEPT, id="all are kept"),
        pytest.param(None, VERSION, MONTH_S, ORPHAN_S, Fate.KEPT, id="perhaps under way"),
        pytest.param(None, VERSION, MONTH_S, ORPHAN_S + 1, Fate.ORPHAN, id="no record"),
        pytest.param(TRACK, "f" * 16, MONTH_S, ORPHAN_S + 1, Fate.ORPHAN, id="no version"),
        pytest.param(
            superseded(int(NOW_S - SPARED_S)), VERSION, 1.0, MONTH_S, Fate.KEPT, id="spared"
        ),
        pytest.param(
            superseded(int(NOW_S - SPARED_S - 1)),
            VERSION,
            None,
            0,
            Fate.SUPERSEDED,
            id="superseded",
        ),
    ],
)
def test_a_rendition_has_its_fate(
    record: TrackRecord | None, version: str, unused_s: float | None, age_s: float, fate: Fate
):
    retention = Retention(unused_s=unused_s)
    judged = retention.fate_of_rendition(record, version, used_s=NOW_S - age_s, now_s=NOW_S)
    assert judged is fate


def test_a_superseded_version_outlives_what_an_edge_may_still_show():
    assert f"stale-if-error={STALE_IF_ERROR_S}" in RECORD
    assert SPARED_S > STALE_IF_ERROR_S


def test_a_record_names_its_edges_contexts_and_cover():
    record = TRACK
    version = replace(record.current, context_before="5e" * 32, context_after="")
    record = replace(record.with_version(version), cover=COVER)
    assert names_of(record) == {HEAD.sha256, TAIL.sha256, "5e" * 32, COVER.digest}


def test_shared_objects_go_by_the_name_in_their_key():
    assert name_of(f"{CONTEXTS_PREFIX}{HEAD.sha256}.f32") == HEAD.sha256
    assert name_of(f"{COVERS_PREFIX}{COVER.digest}-480.jpg") == COVER.digest


def test_owned_objects_tell_their_track():
    assert track_of(master_key(TRACK_ID, sha256="ab" * 32, extension="flac")) == TRACK_ID
    assert track_of(f"fingerprints/{TRACK_ID}.bin") == TRACK_ID
    key = rendition_key(TRACK_ID, version=VERSION, rendition="flac", extension="mp4")
    assert track_of(key) == TRACK_ID
