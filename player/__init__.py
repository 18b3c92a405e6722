"""The reference player: it plays a track through an edge as a native application would.

Track record, seek index, licence, byte ranges, decryption, decoding, exact samples: what comes out
can be compared with the master to the last bit, and the report says how long it took to sound.
"""

from player.report import PlayReport, PlayRequest
from player.session import play

__all__ = ["PlayReport", "PlayRequest", "play"]
