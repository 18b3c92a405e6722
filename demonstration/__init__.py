"""The demonstration album: a piece of music of our own, written as data and synthesised.

Three movements are cut out of one continuous performance, so that whoever plays them in order
hears at once whether tracks are joined without a gap. The same seed gives the same samples on every
machine: only additions, multiplications, divisions and square roots take part, which IEEE 754
defines to the last bit, and never the mathematical library, which is free in it.
"""

from demonstration.album import write_album

__all__ = ["write_album"]
