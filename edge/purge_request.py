"""Requests for a purge: JSON as operators, origins and `attacca purge` send it. No I/O."""

from typing import Final

from edge.call_document import decode_object, read_texts
from edge.errors import PurgeRequestError, TargetError
from edge.purges import Purge
from edge.target import parse_target

# Longer lists go in several calls; each entry is kept for as long as there may be older content.
ENTRIES_MAX: Final = 1_000
TAG_CHARACTERS_MAX: Final = 1_024

_LISTS: Final = ("urls", "prefixes", "tags")
_FLAGS: Final = ("all", "soft")


def decode_purge(data: bytes, *, is_token_checked: bool) -> Purge:
    """Read a request; a member that is null counts as absent.

    Args:
        data: the content.
        is_token_checked: targets are read as those of listeners are, so that they name the same
            cache keys: without the token of their path, and of an absolute URL the path only.

    Raises:
        PurgeRequestError: it is no such request, or names nothing.
    """
    document = decode_object(data, (*_LISTS, *_FLAGS), error=PurgeRequestError)
    lists = {name: _texts(document, name) for name in _LISTS}
    is_all, is_soft = (_flag(document, name) for name in _FLAGS)
    named = sum(map(len, lists.values()))
    if named > ENTRIES_MAX:
        raise PurgeRequestError(f"{named} entries, at most {ENTRIES_MAX} are taken at once")
    if not named and not is_all:
        raise PurgeRequestError("nothing is named: give `urls`, `prefixes`, `tags` or `all`")
    return Purge(
        urls=_targets("urls", lists["urls"], is_token_checked=is_token_checked),
        prefixes=_targets("prefixes", lists["prefixes"], is_token_checked=is_token_checked),
        tags=_tags(lists["tags"]),
        is_all=is_all,
        is_soft=is_soft,
    )


def _texts(document: dict[str, object], name: str) -> list[str]:
    value = document.get(name)
    return [] if value is None else read_texts(value, name, error=PurgeRequestError)


def _flag(document: dict[str, object], name: str) -> bool:
    value = document.get(name)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise PurgeRequestError(f"`{name}` is true or false")
    return value


def _targets(name: str, texts: list[str], *, is_token_checked: bool) -> tuple[str, ...]:
    targets = []
    for index, text in enumerate(texts):
        try:
            target = parse_target(text, host=None, is_token_checked=is_token_checked)
        except TargetError as error:
            # The text itself may hold a token.
            raise PurgeRequestError(f"`{name}[{index}]` is no target: {error}") from None
        targets.append(target.upstream)
    return tuple(dict.fromkeys(targets))


def _tags(texts: list[str]) -> tuple[str, ...]:
    for index, text in enumerate(texts):
        if not 0 < len(text) <= TAG_CHARACTERS_MAX or not (text.isascii() and text.isprintable()):
            raise PurgeRequestError(
                f"`tags[{index}]` is not 1 to {TAG_CHARACTERS_MAX} printable characters of ASCII"
            )
    return tuple(dict.fromkeys(texts))
