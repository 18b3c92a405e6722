"""Errors of the disk tier that end a start. Faults of a disk never do: they turn it off."""


class DiskTierError(Exception):
    """The disk tier cannot be opened as it is configured."""


class DiskFolderInUseError(DiskTierError):
    """Another process uses the folder."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"the folder {path} of the disk tier is in use by another process: "
            "stop that one, or give each its own folder"
        )
        self.path = path


class FolderGoneError(OSError):
    """What is at a folder's path is not the folder that was opened."""
