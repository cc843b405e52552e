"""Installed: the peers that run on Node, from the npm registry, in a folder outside the project.

`bench/peers/node` has what is ours: the versions with their hashes, the service, the loop. All of
it is copied into a cache folder and installed, built and kept there; a change makes another folder.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

SOURCES = Path(__file__).parent / "node"
DONE = "installed"
LONGEST_SECONDS = 500


class NotInstalled(RuntimeError):
    """The peers that run on Node could not be installed; the text says why."""


def node() -> str:
    """The program `node`."""
    return _program("node")


def installed() -> Path:
    """A folder with the peers in it, ready to run: made at the first call, found by later ones."""
    folder = _cache() / _fingerprint()
    if not (folder / DONE).exists():
        sys.stderr.write("installing the peers that run on Node, once\n")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(SOURCES, folder)
        _run(folder, _program("npm"), "ci", "--loglevel=error")
        _generate(folder)
        _run(folder, node(), "node_modules/typescript/bin/tsc")
        (folder / DONE).touch()
    return folder


def _generate(folder: Path) -> None:
    """Prisma's client is there.

    Its command wants programs that it would fetch from a host of its own, and uses none of them to
    make a client without an engine: it is told that it has them.
    """
    unused = {
        "PRISMA_QUERY_ENGINE_LIBRARY": node(),
        "PRISMA_SCHEMA_ENGINE_BINARY": node(),
        "CHECKPOINT_DISABLE": "1",
    }
    _run(folder, node(), "node_modules/prisma/build/index.js", "generate", "--no-hints", **unused)


def _run(folder: Path, *command: str, **settings: str) -> None:
    ended = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **settings},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LONGEST_SECONDS,
    )
    if ended.returncode:
        raise NotInstalled(f"{' '.join(command)}: {ended.stdout[-2000:]}")


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise NotInstalled(f"{name} is not installed: the peers that run on Node are not measured")
    return found


def _cache() -> Path:
    kept = os.environ.get("XDG_CACHE_HOME")
    return (Path(kept) if kept else Path.home() / ".cache") / "calbell-peers"


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for file in sorted(SOURCES.iterdir()):
        if file.is_file():
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]
