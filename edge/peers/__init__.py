"""One cache of many processes: workers of a node, and nodes of a PoP."""
