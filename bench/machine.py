"""The machine: what the figures were measured on, without anything that names it."""

import os
import platform
import sqlite3
from pathlib import Path

from bench.cores import Cores


def describe(folder: Path, cores: Cores, postgresql: str | None) -> tuple[str, ...]:
    """Lines for the head of the table. Databases are in `folder`."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    placed = (
        "The service has one core for itself; the load generator and the receiving end share "
        "another. PostgreSQL's processes run where the system puts them, also beside the service."
        if cores.service is not None
        else "Nothing is pinned to a core: the service shares them with the load."
    )
    return (
        f"{_processor()}, {usable} cores, {memory:.0f} GB, {platform.system()} "
        f"{platform.release().partition('-')[0]}, databases on {_file_system(folder)}.",
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
        + (f", PostgreSQL {postgresql}." if postgresql else "."),
        placed,
    )


def load_average() -> str:
    """How many processes wanted a core in the last five minutes."""
    return f"{os.getloadavg()[1]:.1f}"


def is_in_memory(folder: Path) -> bool:
    """Whether nothing in the folder is ever on disk, so that durability costs nothing there."""
    return _file_system(folder) in {"tmpfs", "ramfs"}


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def _file_system(folder: Path) -> str:
    """The kind of file system of a folder, such as ext4."""
    mounts = Path("/proc/mounts")
    best, kind = "", "an unknown file system"
    if mounts.exists():
        for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines():
            _, point, type_, *_ = line.split(" ")
            if folder.resolve().is_relative_to(point) and len(point) >= len(best):
                best, kind = point, type_
    return kind
