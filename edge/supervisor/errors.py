"""Errors of the supervisor."""


class SupervisorError(Exception):
    """Base of what a supervisor raises on purpose."""


class WorkerStartError(SupervisorError):
    """A worker has not come so far that it serves; the message is its own word, if it had one."""
