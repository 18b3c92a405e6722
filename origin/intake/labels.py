"""Who uploads: labels by their bearer tokens, and what each may. No I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from config.credentials import Credential, bearer_of, guard_local_call
from origin.intake.errors import LabelRefusedError


@dataclass(frozen=True, slots=True)
class Quota:
    """What a label may have.

    Attributes:
        upload_bytes_max: largest upload.
        day_bytes_max: bytes of all uploads of a day of UTC; None for no limit.
        open_uploads_max: uploads that are not complete yet.
    """

    upload_bytes_max: int
    day_bytes_max: int | None
    open_uploads_max: int


@dataclass(frozen=True, slots=True)
class Label:
    """A label; the operator is the one with the empty name."""

    name: str
    quota: Quota


@dataclass(frozen=True, slots=True)
class KnownLabel:
    """A label and the token that it shows."""

    label: Label
    credential: Credential


class Labels:
    """All that may upload.

    Args:
        operator: with the operator's credential.
        others: in any order.
        allowed_hosts: host names of the listener, beside loopback.
        origins: web origins whose pages may upload with a label's token.
    """

    def __init__(
        self,
        operator: KnownLabel,
        others: Sequence[KnownLabel],
        *,
        allowed_hosts: frozenset[str],
        origins: frozenset[str],
    ) -> None:
        assert operator.label.name == ""
        self._operator = operator
        self._others = tuple(others)
        self._allowed_hosts = allowed_hosts
        self._origins = origins

    def is_open_to(self, web_origin: str | None) -> bool:
        """Whether pages of this web origin may upload."""
        return web_origin is not None and web_origin in self._origins

    def find(self, headers: Mapping[str, str]) -> Label:
        """Tell whose call this is.

        All tokens are compared whatever the outcome, so that the time tells nothing.

        Raises:
            LabelRefusedError: the call carries no token that is known.
            CallRefusedError: it may come from a web page that may not upload.
        """
        presented = bearer_of(headers)
        found = [one.label for one in self._others if one.credential.matches(presented)]
        is_operator = self._operator.credential.matches(presented)
        self.guard(headers, is_operator=is_operator)
        if is_operator:
            return self._operator.label
        if not found:
            raise LabelRefusedError
        return found[0]

    def guard(self, headers: Mapping[str, str], *, is_operator: bool) -> None:
        """Refuse what may come from a web page that may not upload.

        Raises:
            CallRefusedError: `Origin` or `Host` is foreign.
        """
        told = headers
        if not is_operator and self.is_open_to(headers.get("Origin")):
            told = {"Host": headers.get("Host", "")}
        guard_local_call(told, allowed_hosts=self._allowed_hosts)
