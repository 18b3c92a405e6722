"""Who may ask the origin: edges with their credential, and the operator."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from config.credentials import EDGE_CREDENTIAL_HEADER, Credential, bearer_of, guard_local_call
from origin.errors import AccessRefusedError


@dataclass(frozen=True, slots=True)
class OriginCredentials:
    """The secrets that open the origin.

    Attributes:
        labels: by name; they open the ingest API and nothing else.
    """

    operator: Credential
    edge: Credential
    labels: Mapping[str, Credential] = field(default_factory=dict)


def check_access(
    headers: Mapping[str, str], credentials: OriginCredentials, *, allowed_hosts: frozenset[str]
) -> None:
    """Let an edge or the operator through.

    The operator's calls are refused where a web page may have made them, since a browser can
    reach loopback; a page cannot have the edge's credential.

    Raises:
        AccessRefusedError: the call carries no credential that opens the origin.
        CallRefusedError: it carries the operator's, and may come from a web page.
    """
    if credentials.edge.matches(headers.get(EDGE_CREDENTIAL_HEADER)):
        return
    if not credentials.operator.matches(bearer_of(headers)):
        raise AccessRefusedError
    guard_local_call(headers, allowed_hosts=allowed_hosts)
