"""Scale on paper: the model, and the page that shows it."""

import re
from pathlib import Path

import msgspec
import pytest
from bench import costs, scale, scaling
from bench.databases import SqliteFiles
from bench.figures import Engine, Figure
from bench.rows import TABLES, sizes
from bench.scaling import Deployment, Hardware
from bench.unit_costs import LAYERS, REGISTRATION_IN_LISTS, ROW_BYTES, SENT, WEBHOOK_IN_LISTS, Work
from hypothesis import given
from hypothesis import strategies as st

PAGES = Path(__file__).parents[3] / "docs" / "explanation"
PAGE = (PAGES / "scale.md").read_text()

DEPLOYMENT = Deployment(users=1000)
deployments = st.builds(
    Deployment,
    users=st.integers(1, 10**8),
    devices=st.floats(0.1, 5),
    bookings=st.floats(0.01, 20),
    reminders=st.floats(0.1, 3),
    rate=st.floats(10, 10_000),
)


def test_a_day_is_counted_as_one_would_by_hand() -> None:
    plain = Deployment(
        users=100, devices=2, bookings=3, told=1.5, changes=1, reminders=1, registrations=4
    )
    assert scaling.daily(plain) == scaling.Daily(
        bookings=300,
        webhooks=600,
        registrations=800,
        reminders=450,
        notifications=1350,
        deliveries=2700,
    )


@given(deployments)
def test_at_the_users_that_a_limit_names_it_is_just_used_up(deployment: Deployment) -> None:
    hardware = Hardware()
    for limit in scaling.limits(deployment, hardware):
        there = msgspec.structs.replace(deployment, users=limit.users)
        (same,) = (one for one in scaling.limits(there, hardware) if one.words == limit.words)
        assert same.used == pytest.approx(limit.available)


@given(deployments)
def test_no_more_leaves_than_expo_takes(deployment: Deployment) -> None:
    assert scaling.peak(deployment).deliveries <= scaling.pace(deployment) * 1.000001


def test_news_takes_a_fifth_of_the_pace_at_most_and_reminders_the_rest() -> None:
    for users, at_once in ((100_000, 15.625), (1_000_000, 114)):
        many = Deployment(users=users)
        assert scaling.news_at_once(many) == pytest.approx(at_once)
        assert scaling.pace_of_reminders(many) == pytest.approx(570 - at_once)
        assert scaling.leaves_within(many) == pytest.approx(0.15 * users / (570 - at_once))
        assert scaling.peak(many).reminders == pytest.approx((570 - at_once) / many.devices)


def test_a_second_project_lets_a_peak_leave_in_half_the_time_or_less() -> None:
    for users in (1000, 10**9):
        one = Deployment(users=users)
        two = msgspec.structs.replace(one, projects=2)
        assert scaling.leaves_within(two) <= scaling.leaves_within(one) / 2


def test_a_longer_retention_makes_the_database_larger_and_nothing_slower() -> None:
    longer = msgspec.structs.replace(DEPLOYMENT, retention_days=365)
    for engine in Engine:
        assert scaling.size(longer, engine) > 5 * scaling.size(DEPLOYMENT, engine)
    assert scaling.peak(longer) == scaling.peak(DEPLOYMENT)


def test_there_are_always_two_processes_of_each_kind() -> None:
    assert scaling.processes(0.001) == 2
    assert scaling.processes(1.5) == 3


@pytest.mark.parametrize(
    ("figure", "work"),
    [
        (Figure.REGISTRATIONS, REGISTRATION_IN_LISTS),
        (Figure.WEBHOOKS, WEBHOOK_IN_LISTS),
        (Figure.DRAIN, SENT),
    ],
)
def test_what_our_processes_cost_is_what_the_page_of_performance_says(
    figure: Figure, work: Work
) -> None:
    """Within a third, beside what the layers alone cost: the page is measured anew more often, and
    machines are not always as fast."""
    speed = cost_on_the_page(Figure.LAYERS) / LAYERS
    assert work.own * speed == pytest.approx(cost_on_the_page(figure), rel=1 / 3)


def cost_on_the_page(figure: Figure) -> float:
    """CPU microseconds of our processes for one, on PostgreSQL."""
    (row,) = (
        line
        for line in (PAGES / "performance.md").read_text().splitlines()
        if line.startswith(f"| {figure.words} | {Engine.POSTGRESQL} |")
    )
    costs = re.search(r"(\d+) \+ (\d+) µs", row)
    assert costs, row
    return sum(map(int, costs.groups()))


@pytest.mark.parametrize("engine", Engine)
def test_every_table_that_grows_has_its_bytes(engine: Engine) -> None:
    assert set(ROW_BYTES[engine]) == set(TABLES)


def test_everything_that_is_assumed_can_be_told_otherwise() -> None:
    assumed = [name for name in Deployment.__struct_fields__ if name != "users"]
    text = scale.tables(["--assumed"])
    for name in assumed:
        option = f"--{name.replace('_', '-')}"
        assert f"`{option}`" in text
        assert scale.tables([option, "11"]) != scale.tables([])


def test_the_tables_on_the_page_are_those_that_the_command_prints() -> None:
    assert len(scale.BLOCK.findall(PAGE)) >= 3
    assert scale.renewed(PAGE) == PAGE, (
        "make them anew: python -m bench.scale --page docs/explanation/scale.md"
    )


def test_the_limits_that_the_page_assumes_are_those_of_the_model() -> None:
    said = re.sub(r"\s+", " ", PAGE)
    large = Hardware()
    assert f"{large.cores} cores" in said
    assert f"{large.log / 1e6:.0f} MB/s" in said
    assert f"{large.size / 1e12:.0f} TB" in said
    assert f"{large.late / 60:.0f} minutes late" in said


def test_what_everything_costs_is_measured_in_a_small_run_too(tmp_path: Path) -> None:
    with SqliteFiles(tmp_path).fresh() as url:
        measured = costs.measure(url, 80)
        bytes_of_rows = sizes(url)
    numbers = {kind: cost.number for kind, cost in measured.kinds.items()}
    assert numbers["webhook, alone"] == numbers["webhook, of 32 at once"] == 40
    assert numbers["delivery sent"] == numbers["receipt"] == 320
    assert numbers["reminder released"] == 120
    assert set(bytes_of_rows) == set(TABLES)
    assert bytes_of_rows["events"] > 1000
