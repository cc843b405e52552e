"""The pages and files about watching name what is there, and what they say is so."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

from calbell.telemetry import Metrics

DOCS = Path(__file__).parents[2] / "docs"
TABLE = (DOCS / "reference" / "metrics.md").read_text("utf-8")
PAGE = (DOCS / "how-to" / "watch-it.md").read_text("utf-8")
FOLDER = DOCS / "how-to" / "monitoring"
RULES: Any = yaml.safe_load((FOLDER / "alerts.yml").read_text("utf-8"))
DASHBOARD: Any = json.loads((FOLDER / "grafana.json").read_text("utf-8"))


def families() -> dict[str, tuple[str, ...]]:
    """The labels of every metric there is, by the name under which it is asked for."""
    found = {}
    for family in Metrics().registry.collect():
        suffix = "_total" if family.type == "counter" else ""
        found[family.name + suffix] = family.type
    labels = {
        (collector._name + ("_total" if collector._type == "counter" else "")): (
            collector._labelnames
        )
        for collector in vars(Metrics()).values()
        if hasattr(collector, "_labelnames")
    }
    assert found.keys() == labels.keys()
    return labels


def names_in(expression: str) -> set[str]:
    return set(re.findall(r"\bcalbell_\w+", expression))


def is_known(name: str) -> bool:
    return re.sub(r"_(bucket|sum|count)$", "", name) in families() or name in families()


def test_the_table_names_every_metric_with_its_labels_and_no_other() -> None:
    rows = dict(re.findall(r"^\| `(calbell_\w+)` \| (.*?) \|", TABLE, re.MULTILINE))
    assert rows.keys() == families().keys()
    for name, labels in families().items():
        assert tuple(re.findall(r"`(\w+)`", rows[name])) == labels, name


def test_each_alert_asks_for_what_is_there_and_says_what_to_do() -> None:
    rules = RULES["groups"][0]["rules"]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert names_in(rule["expr"])
        assert all(map(is_known, names_in(rule["expr"]))), rule["expr"]
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"].keys() == {"summary", "description"}
        for label, value in re.findall(r'(\w+)!?="(\w+)"', rule["expr"]):
            assert re.search(rf"`{label}`.*\b{value}\b|`{label}` \|", TABLE), (label, value)


def test_each_panel_asks_for_what_is_there() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    asked = set()
    for panel in panels:
        for target in panel["targets"]:
            asked |= names_in(target["expr"])
    assert all(map(is_known, asked)), asked
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for name in asked}
    rest = {"calbell_expo_batch", "calbell_expo_requests_total", "calbell_registrations_total"}
    rest |= {"calbell_notices_total"}
    rest |= {"calbell_last_attempt_timestamp_seconds", "calbell_oldest_due_receipt_seconds"}
    assert families().keys() - shown == rest | {"calbell_users"}


def test_no_two_panels_lie_on_each_other() -> None:
    taken = set[tuple[int, int]]()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert taken.isdisjoint(cells), panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_the_files_that_the_page_names_are_there() -> None:
    for name in re.findall(r"\]\(([\w./-]+)\)", PAGE):
        assert (DOCS / "how-to" / name).exists(), name
