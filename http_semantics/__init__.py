"""HTTP semantics without I/O: RFC 9110, RFC 9111 and their neighbours, over plain values."""
