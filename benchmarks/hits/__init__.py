"""What a hit costs: our edge beside other caches with the same duties, in one run.

wrk asks on one core, the server answers on the other; the server's CPU time is read from the
operating system. Rounds of all servers take turns, so that noise hits all of them alike.
"""
