"""The same requests over both roads of the edge, and whether anybody could tell them apart."""
