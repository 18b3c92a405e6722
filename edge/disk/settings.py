"""Settings of the disk tier."""

from enum import StrEnum
from pathlib import Path

from pydantic import Field

from config.settings import Section
from edge.eviction.policies import PolicyName


class AdmissionName(StrEnum):
    """What the disk tier lets in."""

    ALL = "all"
    SECOND_REQUEST = "second-request"


class DiskFolderSettings(Section):
    """One folder of the disk tier. Each should be on a disk of its own."""

    path: Path = Field(description="The folder; it is made if only itself is missing.")
    bytes_max: int = Field(
        ge=1 << 20,
        description="What its entries may take, in bytes, counted in the disk's blocks of 4 KiB.",
    )


class DiskSettings(Section):
    """The disk tier."""

    folders: tuple[DiskFolderSettings, ...] = Field(
        default=(), description="Where entries are kept; without a folder there is no disk tier."
    )
    policy: PolicyName = Field(
        default=PolicyName.LRU, description="What a folder forgets first; see `memory_policy`."
    )
    admission: AdmissionName = Field(
        default=AdmissionName.SECOND_REQUEST,
        description="What is written: what is asked for a second time, or `all`.",
    )
    min_free_bytes: int = Field(
        default=1 << 30, ge=0, description="What stays free on each disk, in bytes."
    )
    is_durable: bool = Field(
        default=False,
        description="Wait until each file is on the disk. Without it a power cut may lose the last "
        "half minute of what was stored; it never makes anything wrong.",
    )
    queue_bytes_max: int = Field(
        default=64 << 20,
        ge=1 << 20,
        description="What may wait to be written to a folder, in bytes; beyond that it is not "
        "stored there.",
    )
    read_threads: int = Field(
        default=8, ge=1, le=64, description="Threads that read what the kernel has not in memory."
    )
    reads_max: int = Field(
        default=256, ge=1, description="Such reads that wait or are under way; beyond: a miss."
    )
    read_s_max: float = Field(
        default=2.0, gt=0, description="Until a read is given up as a miss, in seconds."
    )
    open_files_max: int = Field(
        default=4096,
        ge=0,
        description="Files that a folder's hits are sent from, unread, as long as the kernel has "
        "them in memory; at most an eighth of the descriptors that the process may have. 0 reads "
        "each time.",
    )
    errors_max: int = Field(
        default=10, ge=1, description="So many errors within a minute turn a folder off."
    )
    pause_s: float = Field(
        default=30.0, gt=0, description="How long writes rest when a disk is full, in seconds."
    )
    probe_s: float = Field(
        default=30.0,
        gt=0,
        description="How often a folder is looked at: one that is off, whether it is sound again, "
        "and one that is on, whether it is still there; in seconds.",
    )
    snapshot_s: float = Field(
        default=300.0, gt=0, description="How often the order of last use is noted, in seconds."
    )
