"""An app's TypeScript under Node: its types checked, or run with stand-ins for the phone."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

HERE = Path(__file__).parent
PACKAGES = HERE / "node_modules"
SECONDS = 60
PROJECT = "0c8a4d5e-6f70-4b81-92a3-b4c5d6e7f809"
"""The id of the app's Expo project."""


class Phone:
    """A folder in which the code of an app is laid out as Node wants it."""

    def __init__(self, folder: Path) -> None:
        node = shutil.which("node")
        if node is None:
            pytest.skip("node is not installed (Debian: apt-get install nodejs npm)")
        if not (PACKAGES / "typescript").is_dir():
            pytest.skip("the npm packages of tests/clients are not installed (make clients)")
        self._node = node
        self._folder = folder

    def complaints(self, source: str, screen: str | None = None) -> str:
        """What the TypeScript compiler says against the source, with Expo's own types; and against
        a screen of an app that has it beside itself, as `./pushNotifications`."""
        (self._folder / "pushNotifications.ts").write_text(source)
        if screen is not None:
            (self._folder / "App.tsx").write_text(screen)
        shutil.copy(HERE / "tsconfig.json", self._folder)
        (self._folder / "node_modules").symlink_to(PACKAGES)
        compiler = str(PACKAGES / "typescript" / "bin" / "tsc")
        return self._run([compiler, "-p", "."], good=(0, 2)).stdout

    def run(self, source: str, story: str, **variables: str) -> Any:
        """What the story, a JavaScript module, wrote about its use of the source, `./app.mjs`."""
        for stand_in in (HERE / "stand_ins").glob("*.mjs"):
            package = self._folder / "node_modules" / stand_in.stem
            package.mkdir(parents=True, exist_ok=True)
            shutil.copy(stand_in, package / "index.mjs")
            (package / "package.json").write_text('{"exports":"./index.mjs"}')
        typed = self._folder / "app.ts"
        typed.write_text(source)
        plain = self._run([str(HERE / "transpile.mjs"), str(typed)]).stdout
        (self._folder / "app.mjs").write_text(plain)
        (self._folder / "story.mjs").write_text(story)
        return msgspec.json.decode(self._run(["story.mjs"], variables).stdout)

    def _run(
        self,
        arguments: Sequence[str],
        variables: Mapping[str, str] | None = None,
        *,
        good: tuple[int, ...] = (0,),
    ) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            [self._node, *arguments],
            cwd=self._folder,
            env={"PATH": os.environ["PATH"], **(variables or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode in good, done.stdout + done.stderr
        return done
