"""Tags of stored responses, by which they are purged. No I/O.

`Surrogate-Key` holds words with spaces or commas between them; `Cache-Groups` is a List of Strings
(RFC 9875 section 2). A purge by tag reaches both.
"""

import re
from typing import Final

from multidict import MultiMapping

# A String of structured fields: RFC 9651 section 3.3.3.
_STRING: Final = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
_ESCAPE: Final = re.compile(r"\\(.)")

# Lines that a proxy has joined have commas between them too: RFC 9110 section 5.3.
_BETWEEN_WORDS: Final = re.compile(r"[\s,]+")

SURROGATE_KEY: Final = "Surrogate-Key"
CACHE_GROUPS: Final = "Cache-Groups"


def tags_of(fields: MultiMapping[str]) -> frozenset[str]:
    """The tags of a response with `fields`.

    What stands between the strings of a malformed `Cache-Groups` is passed over: to purge too much
    costs a request, to purge too little serves what should be gone.
    """
    tags: set[str] = set()
    for line in fields.getall(SURROGATE_KEY, ()):
        tags.update(filter(None, _BETWEEN_WORDS.split(line)))
    for line in fields.getall(CACHE_GROUPS, ()):
        tags.update(_ESCAPE.sub(r"\1", text) for text in _STRING.findall(line))
    return frozenset(tags)
