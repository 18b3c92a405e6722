"""The cache node: a reverse proxy that serves ranges out of memory and checks playback tokens."""

from edge.compiled import use_compiled

use_compiled()
