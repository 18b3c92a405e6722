"""Settings of who stands in front of an edge."""

import ipaddress
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field

from config.settings import Section
from edge.fronts import Fronts, Network, Telling

_MODES: Final = {"0600": 0o600, "0660": 0o660, "0666": 0o666}


def _check_mode(text: str) -> str:
    if text not in _MODES:
        raise ValueError(f"one of {', '.join(_MODES)}, as text")
    return text


def _as_network(value: Any) -> Any:  # noqa: ANN401 - it is only looked at
    return ipaddress.ip_network(value) if isinstance(value, str) else value


FrontNetwork = Annotated[Network, BeforeValidator(_as_network)]


class FrontSettings(Section):
    """Servers in front of this one, such as Caddy, nginx or HAProxy; what they say is believed."""

    socket: Path | None = Field(
        default=None, description="A Unix socket for them to reach this node by, in the clear."
    )
    socket_mode: Annotated[str, AfterValidator(_check_mode)] = Field(
        default="0600",
        description="Who may reach it: `0600` this user, `0660` its group, too, `0666` anybody.",
    )
    networks: tuple[FrontNetwork, ...] = Field(
        default=(),
        description="Where fronts are that come over the network, such as `10.1.0.0/24`.",
    )
    telling: Telling = Field(
        default=Telling.PROXY,
        description="How they tell of clients: `proxy` (PROXY protocol, version 1 or 2), or the "
        "fields `forwarded` or `x-forwarded-for`.",
    )

    @property
    def mode(self) -> int:
        """Of the socket."""
        return _MODES[self.socket_mode]

    def fronts(self) -> Fronts | None:
        """Those who are believed; None if nobody is."""
        if self.socket is None and not self.networks:
            return None
        return Fronts(self.telling, self.networks)
