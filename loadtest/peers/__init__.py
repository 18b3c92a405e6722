"""Other caches, and ours, each as a process in front of an origin, with settings fit for use.

Where they come from: the packages of Debian (`make bench-peers` and `make bench-behaviours`
install those that are missing).
All listen on loopback, on ports that are free, and keep everything in a folder of their own.
"""
