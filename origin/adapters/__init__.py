"""Adapters of the origin's ports, each named after its technology."""
