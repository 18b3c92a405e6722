"""Listeners, and not load: thousands of connections, each at the pace at which music is played."""
