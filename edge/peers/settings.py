"""Settings of a node that is one of several."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from config.settings import Section


def split_address(text: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT`; an IPv6 address stands in brackets.

    Raises:
        ValueError: it is no such text.
    """
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError("HOST:PORT is needed")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _check_address(text: str) -> str:
    split_address(text)
    return text


def _check_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not parts.port:
        raise ValueError("an http:// or https:// URL with a host and a port is needed")
    if parts.path not in {"", "/"} or parts.query or parts.fragment or parts.username:
        raise ValueError("only scheme, host and port")
    return text.rstrip("/")


Address = Annotated[str, AfterValidator(_check_address)]
PeerUrl = Annotated[str, AfterValidator(_check_url)]


class PeerNodeSettings(Section):
    """A node of the PoP."""

    name: str = Field(
        min_length=1,
        pattern=r"^[A-Za-z0-9._:\[\]-]+$",
        description="Its name, alike on all nodes: it decides what the node owns.",
    )
    url: PeerUrl = Field(description="URL of its peer listener.")
    weight: float = Field(
        default=1.0, gt=0, description="Its share of what there is, beside those of the others."
    )


class PeerSettings(Section):
    """The other nodes of the PoP."""

    node: str | None = Field(default=None, description="The name of this node among `nodes`.")
    nodes: tuple[PeerNodeSettings, ...] = Field(
        default=(), description="All nodes of the PoP, this one too, alike on all of them."
    )
    dns: Address | None = Field(
        default=None,
        description="Instead of `nodes`: a name with the addresses of all of them, and the port of "
        "their peer listeners, as HOST:PORT.",
    )
    dns_s: float = Field(
        default=10.0, gt=0, description="How often that name is resolved, in seconds."
    )
    listen: Address | None = Field(
        default=None, description="HOST:PORT of the listener for other nodes; port 0 picks one."
    )
    ca_file: Path | None = Field(
        default=None,
        description="Certificates (PEM) of the authority that signs those of nodes, and of nobody "
        "else: whoever has one is a member.",
    )
    cert_file: Path | None = Field(default=None, description="This node's certificate (PEM).")
    key_file: Path | None = Field(default=None, description="Its private key (PEM).")
    is_plain: bool = Field(
        default=False,
        description="Go without TLS beyond loopback. Only where nobody else has access to the "
        "network: whoever reaches the listener may purge and read everything.",
    )
    deadline_s: float = Field(
        default=1.0,
        gt=0,
        description="How long a member may take to connect, or to say that it is there, in "
        "seconds; after that others take its place until it does.",
    )
    probe_s: float = Field(
        default=1.0, gt=0, description="How often each member is asked that, in seconds."
    )
    purge_s: float = Field(
        default=10.0, gt=0, description="How long a member may take to purge, in seconds."
    )
    purge_folder: Path | None = Field(
        default=None,
        description="Where purges are kept that a member has missed, until it has them; without a "
        "folder they are lost when this node restarts.",
    )
    mirror_share: float = Field(
        default=0.25,
        ge=0,
        le=1,
        description="Share of the memory for what another worker or node owns.",
    )

    @property
    def has_tls(self) -> bool:
        """Whether nodes talk over TLS."""
        return self.ca_file is not None

    @property
    def has_nodes(self) -> bool:
        """Whether there are other nodes."""
        return bool(self.nodes) or self.dns is not None

    @model_validator(mode="after")
    def _check(self) -> Self:
        files = (self.ca_file, self.cert_file, self.key_file)
        if any(files) and not all(files):
            raise ValueError("`ca_file`, `cert_file` and `key_file` go together")
        if self.nodes and self.dns is not None:
            raise ValueError("either `nodes` or `dns`")
        names = [one.name for one in self.nodes]
        if len(set(names)) < len(names):
            raise ValueError("two `nodes` have the same name")
        if self.nodes and self.node not in names:
            raise ValueError("`node` is to be one of the names in `nodes`")
        if self.has_nodes and self.listen is None:
            raise ValueError("`listen` is needed for the other nodes")
        self._check_protection()
        return self

    def _check_protection(self) -> None:
        scheme = "https" if self.has_tls else "http"
        if any(urlsplit(one.url).scheme != scheme for one in self.nodes):
            raise ValueError(f"URLs of `nodes` begin with {scheme}:// as `ca_file` has it")
        if self.has_tls or self.is_plain:
            return
        hosts = [urlsplit(one.url).hostname or "" for one in self.nodes]
        if self.listen is not None:
            hosts.append(split_address(self.listen)[0])
        if self.dns is not None:
            hosts.append(split_address(self.dns)[0])
        if not all(map(_is_loopback, hosts)):
            raise ValueError(
                "beyond loopback nodes talk over TLS: give `ca_file`, `cert_file` and `key_file`"
            )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
