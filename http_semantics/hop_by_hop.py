"""Fields of one connection, which are neither forwarded nor stored: RFC 9110 section 7.6.1."""

from typing import Final

from multidict import CIMultiDict, MultiMapping

# With those of a proxy on the way, which are not to be stored: RFC 9111 section 3.1.
HOP_BY_HOP: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authentication-info",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


def connection_options(fields: MultiMapping[str]) -> frozenset[str]:
    """Names, in lower case, that `Connection` lists."""
    lines = fields.getall("Connection", ())
    names = (name.strip(" \t").lower() for line in lines for name in line.split(","))
    return frozenset(name for name in names if name)


def end_to_end_fields(
    fields: MultiMapping[str], *, without: frozenset[str] = frozenset()
) -> CIMultiDict[str]:
    """The fields that may be forwarded and stored, in their order.

    Args:
        fields: as received.
        without: names in lower case that are left out as well.
    """
    left_out = HOP_BY_HOP | connection_options(fields) | without
    return CIMultiDict(
        [(name, value) for name, value in fields.items() if name.lower() not in left_out]
    )
