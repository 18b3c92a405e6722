"""The credentials that each role needs, from its settings."""

from collections.abc import Mapping

from config.credential_settings import need_credential, read_credential
from config.credentials import Credential
from config.settings import SettingsError
from drm.service import DrmCredentials
from drm.settings import DrmSettings
from edge.app import EdgeCredentials
from edge.settings import EdgeSettings
from origin.access import OriginCredentials
from origin.settings import OriginSettings


def edge_credentials(settings: EdgeSettings) -> EdgeCredentials:
    """Those of an edge; one that checks tokens cannot do without its own.

    Raises:
        SettingsError: one is missing or is none.
    """
    find = need_credential if settings.token_check else read_credential
    return EdgeCredentials(
        operator=read_credential(
            "operator_credential", settings.operator_credential, settings.operator_credential_file
        ),
        edge=find("edge_credential", settings.edge_credential, settings.edge_credential_file),
    )


def origin_credentials(settings: OriginSettings) -> OriginCredentials:
    """Those that an origin is shown.

    Raises:
        SettingsError: one is missing or is none, or a label's is somebody else's too.
    """
    operator = need_credential(
        "operator_credential", settings.operator_credential, settings.operator_credential_file
    )
    edge = need_credential(
        "edge_credential", settings.edge_credential, settings.edge_credential_file
    )
    labels = label_credentials(settings)
    _check_labels({"operator_credential": operator, "edge_credential": edge}, labels)
    return OriginCredentials(operator=operator, edge=edge, labels=labels)


def operators_of_edges(settings: OriginSettings) -> Mapping[str, Credential]:
    """The operators' credentials of the edges that an origin tells what to purge, by admin URL.

    Raises:
        SettingsError: one is missing or is none.
    """
    own = origin_credentials(settings).operator
    return {
        edge.admin_url: read_credential(
            f"edges.{number}.operator_credential_file", None, edge.operator_credential_file
        )
        or own
        for number, edge in enumerate(settings.edges)
    }


def label_credentials(settings: OriginSettings) -> Mapping[str, Credential]:
    """The tokens of labels, by name.

    Raises:
        SettingsError: one is missing or is none.
    """
    return {
        name: need_credential(
            f"ingest.labels.{name}.credential", label.credential, label.credential_file
        )
        for name, label in settings.ingest.labels.items()
    }


def drm_credentials(settings: DrmSettings) -> DrmCredentials:
    """Those that drm is shown.

    Raises:
        SettingsError: one is missing or is none.
    """
    return DrmCredentials(
        operator=need_credential(
            "operator_credential", settings.operator_credential, settings.operator_credential_file
        ),
        edge=need_credential(
            "edge_credential", settings.edge_credential, settings.edge_credential_file
        ),
        origin=need_credential(
            "origin_credential", settings.origin_credential, settings.origin_credential_file
        ),
    )


def _check_labels(others: Mapping[str, Credential], labels: Mapping[str, Credential]) -> None:
    """Refuse a label whose token is also somebody else's: it would be taken for him.

    Raises:
        SettingsError: there is one.
    """
    seen = dict(others)
    for name, credential in labels.items():
        key = f"ingest.labels.{name}.credential"
        twin = next((one for one in seen if seen[one].matches(credential.reveal())), None)
        if twin is not None:
            raise SettingsError(f"`{key}` is the same as `{twin}`: give each a token of its own")
        seen[key] = credential
