"""Whatever is asked of the application is answered as promised. `make fuzz` asks far more."""

import pytest

from tests.api.desk import Desk
from tests.fuzz.asked import ROUTES
from tests.fuzz.rounds import play


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_is_asked_every_promise_is_kept(seed: int) -> None:
    played = play(seed, 300)
    assert played.broken is None, played.broken
    assert sum(played.tally.values()) == 300
    assert len({route for route, _ in played.tally}) > len(ROUTES) / 2


@pytest.mark.parametrize("line_break", ["%0a", "%0d%0a", "%e2%80%a8"])
@pytest.mark.parametrize("root", ["", "/v1", "/v2", "/api/v2", "/v1/me"])
def test_a_path_with_a_line_break_is_not_found_in_the_form_of_the_paths_around_it(
    root: str, line_break: str
) -> None:
    path = f"{root}/a{line_break}b"
    said = Desk().ask("POST", path, {})
    assert said.status == 404
    assert said.message == f"Cannot POST {path.removeprefix('/api')}"
    assert ("x-request-id" in said.headers) == (root in ("/v2", "/api/v2", "/v1/me"))
