"""A shell as a reader's who follows a page: what is typed in it is run for real."""

import os
import re
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.acceptance.programs import START_SECONDS, until
from tests.docs.pages import ROOT

PATIENCE_SECONDS = 60.0

SERVER = re.compile(
    r"^(?P<call>(?:\w+=\S+ )*(?:\S*/)?calbell"
    r" (?:serve|worker|expo-simulator|demo(?!.* --once))\b(?!.* --help)[^#\n]*?)"
    r"(?P<behind> *&)?(?P<comment> +#.*)?$",
    re.MULTILINE,
)
"""A call of a program that runs until it is ended. Typed without `&`, it has a terminal of its own:
here it goes behind, like the others."""

READY = re.compile(r'"event": ?"started"|simulator.* http://|^Ctrl-C ends the demo', re.MULTILINE)
"""What such a program says when it can be asked."""


class Said(NamedTuple):
    """What was said while a script ran."""

    out: str
    err: str

    @property
    def statuses(self) -> list[int]:
        """Those of the answers to every request that `curl` made."""
        return [int(status) for status in re.findall(r"^answered (\d+)$", self.err, re.MULTILINE)]


class CommandFailed(AssertionError):
    """A command did not exit with 0, or a server did not get ready."""


class Shell:
    """One session of bash in an empty folder, which ends at the first command that fails.

    Its environment holds where programs are, a home, and the variables given. `calbell`, `python`
    and `.venv/bin` are those of this checkout; `make` says what it would do and does nothing, for
    it would install packages and run tests; `curl` also tells each answer's status on stderr.
    """

    def __init__(
        self, folder: Path, variables: Mapping[str, str], more_programs: Sequence[Path] = ()
    ) -> None:
        self.folder = folder / "here"
        self._kept = folder / "kept"
        self._programs = programs = folder / "bin"
        for made in (self.folder, self._kept, programs, folder / "home"):
            made.mkdir()
        _write_programs(programs, self.folder / ".venv" / "bin")
        _write_python(programs, ROOT)
        path = os.pathsep.join(map(str, (programs, *more_programs, os.environ["PATH"])))
        self._said = (self._kept / "shell").open("w+")
        self._process = subprocess.Popen(
            ["bash", "--norc", "--noprofile"],
            cwd=self.folder,
            env={"PATH": path, "HOME": str(folder / "home"), **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            bufsize=0,
            # All that is started in it can be ended with it.
            start_new_session=True,
        )
        self._scripts = 0
        self._tell("set -euo pipefail; echo ready")

    def run(self, script: str) -> Said:
        """What was said by the script, every command of which succeeded; its servers are ready."""
        out, err = "", ""
        for part in _parts(script):
            said = self._run(part)
            out, err = out + said.out, err + said.err
        return Said(out, err)

    def use_checkout(self, checkout: Path) -> None:
        """The program and its tests are those of another checkout."""
        _write_python(self._programs, checkout)

    def stop_servers(self) -> None:
        """What was started behind has ended, each with 0 when it was asked to."""
        told = self._tell(
            "for one in $(jobs -p); do kill $one || true; wait $one || echo -n $one:$?' '; done\n"
            "echo done"
        )
        assert told == "done", f"servers that did not end well (process: exit code): {told}"

    def end(self) -> None:
        """All that was started in it has ended."""
        try:
            if self._process.poll() is None:
                self.stop_servers()
        finally:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.close()
            self._process.stdout.close()
            self._said.close()
            until(self._is_gone, "the shell's programs to end")
            self._process.wait()

    def _is_gone(self) -> bool | None:
        self._process.poll()
        try:
            os.killpg(self._process.pid, signal.SIGTERM)
        except ProcessLookupError:
            return True
        return None

    def _run(self, script: str) -> Said:
        self._scripts += 1
        file, out, err = (self._kept / f"{self._scripts}.{kind}" for kind in ("sh", "out", "err"))
        file.write_text(script)

        def said() -> Said:
            return Said(out.read_text(), err.read_text())

        try:
            self._tell(f". {file} < /dev/null > {out} 2> {err}\necho done")
        except CommandFailed as failed:
            raise CommandFailed(f"{script}{failed}\n{said().out}{said().err}") from None
        if SERVER.search(script):
            self._wait_until_ready(script, said)
        return said()

    def _wait_until_ready(self, script: str, said: Callable[[], Said]) -> None:
        def found() -> bool | None:
            if READY.search(said().out + said().err):
                return True
            if self._tell("kill -0 $! && echo runs || { wait $! || echo ended; }") == "ended":
                raise CommandFailed(f"{script}ended\n{said().out}{said().err}")
            return None

        until(found, f"{script.strip()} to be ready", START_SECONDS)

    def _tell(self, words: str) -> str:
        """The line that bash answers."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(f"{words}\n".encode())
        except BrokenPipeError:
            raise CommandFailed("the shell has ended") from None
        if not select.select([self._process.stdout], [], [], PATIENCE_SECONDS)[0]:
            raise CommandFailed(f"did not end within {PATIENCE_SECONDS} seconds")
        line = self._process.stdout.readline().decode().strip()
        if not line:
            raise CommandFailed(f"exit code {self._process.wait(PATIENCE_SECONDS)}")
        return line


def _parts(script: str) -> list[str]:
    """The script cut after each line that starts a server, which a reader would wait for too."""
    behind = SERVER.sub(lambda line: f"{line['call']} &\0", script)
    return [f"{part.strip()}\n" for part in behind.split("\0") if part.strip()]


def _write_programs(folder: Path, venv: Path) -> None:
    """The programs that a page takes for granted, under their names."""
    make, curl = shutil.which("make"), shutil.which("curl")
    status = r"%{stderr}answered %{http_code}\n"
    scripts = {
        "make": f'[ "$1" = -C ] && shift 2\nexec {make} -n -C {ROOT} "$@"',
        "curl": f"exec {curl} -sS -w '{status}' \"$@\"",
    }
    for name, script in scripts.items():
        _write(folder / name, script)
    venv.mkdir(parents=True)
    (folder / "python3").symlink_to(folder / "python")
    for name in ("calbell", "python"):
        (venv / name).symlink_to(folder / name)


def _write_python(folder: Path, checkout: Path) -> None:
    python = f"PYTHONPATH={checkout / 'src'}:{checkout} exec {sys.executable}"
    _write(folder / "python", f'{python} "$@"')
    _write(folder / "calbell", f'{python} -m calbell "$@"')


def _write(program: Path, script: str) -> None:
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
