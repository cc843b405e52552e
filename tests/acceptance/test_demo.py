"""`calbell demo`: the main job with nothing but this machine."""

from pathlib import Path

from tests.acceptance.programs import Program, command


def test_demo_once_brings_one_booking_to_three_phones(tmp_path: Path) -> None:
    ended = command(["demo", "--once"], tmp_path, {"TMPDIR": str(tmp_path)})
    assert (ended.code, ended.err) == (0, "")
    assert sum(line.endswith(": delivered") for line in ended.out.splitlines()) == 3
    assert "Every push arrived: 3 of 3." in ended.out
    assert list(tmp_path.iterdir()) == []


def test_the_demo_runs_until_it_is_asked_to_end_and_leaves_nothing(tmp_path: Path) -> None:
    demo = Program(
        ["-m", "calbell", "demo", "--port=0", "--simulator-port=0"],
        tmp_path,
        {"TMPDIR": str(tmp_path)},
    )
    demo.first(demo.out, lambda line: line if line.startswith("Console http://") else None)
    demo.first(demo.out, lambda line: line if line.strip().endswith(" delivered") else None)
    demo.stop()
    assert demo.err == []
    assert demo.out[-1] == "The demo is over."
    assert list(tmp_path.iterdir()) == []
