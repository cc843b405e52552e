"""The page: medians of all runs, each beside Calbell's in the same run."""

from collections.abc import Mapping, Sequence
from statistics import median

from bench.load import Flow
from bench.peers.contestants import CONTESTANTS, Contestant, Work

Flows = Mapping[str, Mapping[int, Flow]]
"""What each contestant, by `key`, did in which run."""

_EXPLANATION = (
    "Every contestant has one core for itself and is warm when the time begins; 64 callers, who "
    "each wait for their answer, press on the next core, and the receiving end of what is sent is "
    "there too. PostgreSQL has its default settings, durable, and runs where the system puts it. "
    "CPU is the contestant's, without PostgreSQL's. The last column but one is the median over the "
    "runs of what a contestant did for each one of Calbell's on PostgreSQL. Where the figures of "
    "[What Calbell reaches](performance.md) come from, the NestJS service did 1,750 to 1,950/s."
)


def key(contestant: Contestant) -> str:
    """What tells a contestant from all others."""
    return f"{contestant.work}: {contestant.name}"


def page(machine: Sequence[str], flows: Flows, failures: Sequence[str]) -> str:
    """The whole page. `failures` are measurements that broke off."""
    lines = [
        "# Calbell beside others",
        "",
        "Made by `python -m bench.peers --markdown docs/explanation/peers.md`.",
        "",
        *machine,
        "",
    ]
    for work in Work:
        table = _table(work, flows)
        if table:
            lines += [f"## {work.capitalize()}", "", *table, ""]
    lines += [_EXPLANATION, "", *(f"Not measured: {failure}" for failure in failures)]
    return "\n".join(lines)


def _table(work: Work, flows: Flows) -> list[str]:
    ours = {
        run: flow
        for one in CONTESTANTS
        if one.work is work and one.is_measure
        for run, flow in flows.get(key(one), {}).items()
    }
    rows = [
        _row(one, flows[key(one)], ours)
        for one in CONTESTANTS
        if one.work is work and flows.get(key(one))
    ]
    head = [
        "| who | median | lowest – highest | CPU for one | beside Calbell | does without |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
    ]
    return [*head, *rows] if rows else []


def _row(contestant: Contestant, runs: Mapping[int, Flow], ours: Mapping[int, Flow]) -> str:
    rates = sorted(flow.rate for flow in runs.values())
    cpu = median(1e6 * (flow.cpu.loop + flow.cpu.others) / flow.number for flow in runs.values())
    ratios = [flow.rate / ours[run].rate for run, flow in runs.items() if run in ours]
    cells = (
        contestant.name,
        f"**{median(rates):,.0f} /s**",
        f"{rates[0]:,.0f} – {rates[-1]:,.0f}",
        f"{cpu:,.0f} µs",
        f"{median(ratios):.2f}" if ratios else "",
        contestant.without,
    )
    return f"| {' | '.join(cells)} |"
