"""The disk tier: what the edge keeps of representations and slices over a restart."""
