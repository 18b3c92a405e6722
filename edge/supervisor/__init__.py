"""The supervisor of a node: it holds the sockets, and keeps a worker in every slot."""
