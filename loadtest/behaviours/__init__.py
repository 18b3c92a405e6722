"""What a cache in front of music has to do, judged from outside: over sockets, beside its peers."""
