import orjson
import pytest

from packager.cover_facts import (
    COVER_SIZES,
    CoverExtension,
    CoverFacts,
    CoverFinding,
    CoverRefusal,
    CoverSize,
    cover_from_json,
    cover_to_json,
    finding_from_json,
    finding_to_json,
    name_beside,
)
from packager.format_error import FormatError

COVER = CoverFacts(
    digest="0123456789abcdef" * 2,
    sizes=tuple(
        CoverSize(size, size, size // 2, 1_000 + size, f"{size:064x}", CoverExtension.JPG)
        for size in COVER_SIZES
    ),
)


def test_a_cover_comes_back():
    members = orjson.loads(orjson.dumps(cover_to_json(COVER)))
    assert cover_from_json(members, "cover", FormatError) == COVER


@pytest.mark.parametrize(
    "finding",
    [
        pytest.param(CoverFinding(COVER), id="a cover"),
        pytest.param(CoverFinding(COVER, (CoverRefusal.BROKEN,)), id="the second picture"),
        pytest.param(CoverFinding(None, tuple(CoverRefusal)), id="all refused"),
        pytest.param(CoverFinding(None), id="nothing"),
    ],
)
def test_a_finding_comes_back(finding: CoverFinding):
    assert finding_from_json(orjson.loads(orjson.dumps(finding_to_json(finding)))) == finding


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"digest": "0" * 31}, id="a short digest"),
        pytest.param({"digest": "/" * 32}, id="a digest that is none"),
        pytest.param({"sizes": []}, id="no size"),
        pytest.param({"sizes": [{}]}, id="a size of nothing"),
        pytest.param({"color": "red"}, id="unknown"),
    ],
)
def test_other_members_are_refused(changed: dict[str, object]):
    with pytest.raises(FormatError, match="cover"):
        cover_from_json({**cover_to_json(COVER), **changed}, "cover", FormatError)


@pytest.mark.parametrize("extension", ["gif", "/", None])
def test_other_extensions_are_refused(extension: str | None):
    members = cover_to_json(COVER)
    sizes = members["sizes"]
    assert isinstance(sizes, list)
    sizes[0]["extension"] = extension
    with pytest.raises(FormatError, match="extension"):
        cover_from_json(members, "cover", FormatError)


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        pytest.param(["a.flac", "Folder.JPG", "back.jpg"], "Folder.JPG", id="whatever its case"),
        pytest.param(["front.png", "cover.png", "folder.jpg"], "cover.png", id="the best name"),
        pytest.param(["cover.gif", "cover.jpg"], "cover.jpg", id="the best format"),
        pytest.param(["cover.jpg", "Cover.jpg"], "Cover.jpg", id="always the same of two"),
        pytest.param(["cover.txt", "cover", "jpg", ".jpg", "my cover.jpg"], None, id="none"),
        pytest.param([], None, id="nothing"),
    ],
)
def test_the_likeliest_cover_in_a_folder_is_found(names: list[str], wanted: str | None):
    assert name_beside(names) == wanted
    assert name_beside(reversed(names)) == wanted
