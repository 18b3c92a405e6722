"""The cache node: a reverse proxy that serves ranges out of memory and checks playback tokens."""
