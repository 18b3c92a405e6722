"""A PoP of several nodes, each in a network namespace of its own."""
