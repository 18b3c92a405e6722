"""Which entries of a bounded tier stay, and which are let in: eviction and admission. No I/O."""
