from pathlib import Path

import pytest

from cli.role_credentials import drm_credentials, edge_credentials, origin_credentials
from config.settings import SettingsError
from drm.settings import DrmSettings
from edge.settings import EdgeSettings
from origin.settings import OriginSettings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "credential"
    path.write_text("a-credential-of-length")
    return path


def test_an_edge_that_checks_tokens_needs_its_credential(file: Path):
    with pytest.raises(SettingsError, match="`edge_credential_file` is needed"):
        edge_credentials(EdgeSettings())
    found = edge_credentials(EdgeSettings(edge_credential_file=file))
    assert found.edge is not None
    assert found.operator is None


def test_an_edge_that_checks_none_needs_nothing():
    found = edge_credentials(EdgeSettings(token_check=False))
    assert (found.edge, found.operator) == (None, None)


def test_origin_and_drm_need_all_of_theirs(file: Path):
    origin = OriginSettings(operator_credential_file=file, edge_credential_file=file)
    assert origin_credentials(origin).edge.matches("a-credential-of-length")
    labels = {"labels": {"nebula": {"credential": "the-token-of-nebula"}}}
    files = {"operator_credential_file": file, "edge_credential_file": file}
    labelled = OriginSettings.model_validate({**files, "ingest": labels})
    assert origin_credentials(labelled).labels["nebula"].matches("the-token-of-nebula")
    without = OriginSettings.model_validate({**files, "ingest": {"labels": {"x": {}}}})
    with pytest.raises(SettingsError, match=r"`ingest\.labels\.x\.credential_file` is needed"):
        origin_credentials(without)
    drm = DrmSettings(operator_credential_file=file, edge_credential_file=file)
    with pytest.raises(SettingsError, match="`origin_credential_file` is needed"):
        drm_credentials(drm)
    whole = drm.model_copy(update={"origin_credential_file": file})
    assert drm_credentials(whole).origin.matches("a-credential-of-length")


@pytest.mark.parametrize(
    ("tokens", "twin"),
    [
        pytest.param({"nebula": "of-the-operator-himself"}, "operator_credential", id="operator"),
        pytest.param({"nebula": "of-all-of-the-edges"}, "edge_credential", id="edge"),
        pytest.param(
            {"nebula": "the-token-of-nebula", "quasar": "the-token-of-nebula"},
            "ingest.labels.nebula.credential",
            id="another label",
        ),
    ],
)
def test_no_label_shares_its_token(tokens: dict[str, str], twin: str):
    labels = {name: {"credential": token} for name, token in tokens.items()}
    settings = OriginSettings.model_validate(
        {
            "operator_credential": "of-the-operator-himself",
            "edge_credential": "of-all-of-the-edges",
            "ingest": {"labels": labels},
        }
    )
    with pytest.raises(SettingsError, match=f"is the same as `{twin}`") as raised:
        origin_credentials(settings)
    assert not any(token in str(raised.value) for token in tokens.values())
