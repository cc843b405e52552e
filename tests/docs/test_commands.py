"""Every command of the documentation is run, page by page, and says what the page shows."""

import json
import shutil
from pathlib import Path

import pytest

from tests.docs import shown
from tests.docs.pages import Block
from tests.docs.scene import Scene
from tests.docs.shell import Said
from tests.docs.shell_words import dangers
from tests.docs.walks import HARMLESS, REFUSED, REPLACED, Walk, shown_after, value_for, walks

WHAT_TO_DO = """
Mend the page. If a reader has done something before, say so in a Walk in tests/docs/walks.py, or
what is other here in its `replaced`. What no test can do here (a container engine, root, a DNS
name, a real phone) goes into NOT_RUN there, with the reason, and is then read instead."""

MAY_BE_MISSING = ("curl", "openssl")


@pytest.mark.parametrize(("walk", "blocks"), walks(), ids=[walk.name for walk, _ in walks()])
def test_the_commands_of_a_page_do_what_it_says(
    walk: Walk, blocks: list[Block], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    for program in MAY_BE_MISSING:
        if shutil.which(program) is None and any(program in one.text for one in blocks):
            pytest.skip(f"{program} is not installed")
    text = "".join(one.text for one in blocks)
    scene = Scene(tmp_path, text, lambda: str(request.getfixturevalue("postgres")))
    left_out = []
    scene.open(walk.variables)
    try:
        walk.prelude(scene)
        for block in blocks:
            steps = (step for words, step in walk.before.items() if words in block.text)
            if reasons := [why for step in steps if (why := step(scene)) is not None]:
                left_out.append(f"{block.where}: {reasons[0]}")
            else:
                run(scene, walk, block)
        walk.afterwards(scene)
    finally:
        scene.close()
    if left_out:
        pytest.skip("all but " + "; ".join(left_out))


def run(scene: Scene, walk: Walk, block: Block) -> None:
    """The block is run in the scene, which remembers what was said."""
    script = scene.adapted(block.text, REPLACED, walk.replaced)
    try:
        found = list(dangers(script, str(scene.folder), HARMLESS))
        assert not found, found
        said = scene.shell.run(script)
        statuses = value_for(REFUSED, block)
        if statuses is None:
            assert all(200 <= status < 300 for status in said.statuses), said
        else:
            assert said.statuses == statuses, said
        for answer in shown_after(block):
            compare(answer, scene.adapted(answer.text, REPLACED, walk.replaced), said)
    except AssertionError as failed:
        raise AssertionError(f"{block.where}: {failed}\n{WHAT_TO_DO}") from None
    scene.said.append(said)


def compare(answer: Block, text: str, said: Said) -> None:
    if answer.language == "json":
        found = shown.differences(shown.value(text), json.loads(said.out))
    else:
        found = shown.missing(text, said.out)
    assert not found, f"the page shows what is not said: {found}\n{said.out}"
