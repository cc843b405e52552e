"""The peers that Calbell is measured beside."""

import json
import re
from pathlib import Path

import msgspec
import pytest
from bench.cores import Cores
from bench.databases import SqliteFiles
from bench.load import Connection, Flow
from bench.peers.contestants import CONTESTANTS, Work
from bench.peers.installed import SOURCES
from bench.peers.page import key, page
from bench.peers.sending import python_sdk
from bench.program import Cpu
from bench.stage import QUICK, Stage

OURS, FILES, NEST, *_ = (one for one in CONTESTANTS if one.work is Work.REGISTERING)


def flow(rate: float) -> Flow:
    return Flow(1000, 1000 / rate, Cpu(0.02, 0.01))


def test_each_work_has_one_contestant_that_the_others_are_compared_with() -> None:
    for work in Work:
        assert len([one for one in CONTESTANTS if one.work is work and one.is_measure]) == 1


def test_the_page_compares_each_run_with_ours_of_the_same_run() -> None:
    flows = {
        key(OURS): {1: flow(1000), 2: flow(4000), 3: flow(2000)},
        key(NEST): {1: flow(500), 2: flow(1000), 3: flow(1000)},
    }
    rows = [line for line in page((), flows, ()).splitlines() if line.startswith("| NestJS")]
    assert len(rows) == 1
    cells = [cell.strip() for cell in rows[0].split("|")]
    assert cells[2:6] == ["**1,000 /s**", "500 – 1,000", "30 µs", "0.50"]


def test_what_was_not_measured_has_no_row_and_is_told() -> None:
    text = page((), {key(OURS): {1: flow(1000)}}, ("run 1 NestJS: npm is not installed",))
    assert "| NestJS" not in text
    assert Work.SENDING.capitalize() not in text
    assert "Not measured: run 1 NestJS: npm is not installed" in text


def test_the_versions_of_the_peers_are_exact_and_their_lock_has_hashes_and_no_addresses() -> None:
    wanted = json.loads((SOURCES / "package.json").read_text())["dependencies"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values())
    text = (SOURCES / "package-lock.json").read_text()
    packages = json.loads(text)["packages"]
    assert packages.pop("")["dependencies"] == wanted
    assert all(one["integrity"].startswith("sha512-") for one in packages.values())
    assert '"resolved"' not in text


def test_the_tables_of_the_peer_have_every_field_of_its_schema() -> None:
    tables = (SOURCES / "tables.sql").read_text()
    models = re.findall(
        r"^model (\w+) {\n(.*?)^}",
        (SOURCES / "schema.prisma").read_text(),
        re.MULTILINE | re.DOTALL,
    )
    assert [name for name, _ in models] == ["ApiKey", "Subscription"]
    for name, fields in models:
        (table,) = re.findall(
            rf'^create table "{name}" \((.*?)^\);', tables, re.MULTILINE | re.DOTALL
        )
        for field in re.findall(r"^  (\w+) ", fields, re.MULTILINE):
            assert re.search(rf'^  "?{field}"? ', table, re.MULTILINE), field


@pytest.mark.parametrize("header", [b"content-length", b"Content-Length"])
def test_the_load_reads_the_length_of_an_answer_however_it_is_spelt(header: bytes) -> None:
    answered = []
    connection = Connection(lambda _, status: answered.append(status), lambda: None)
    head = b"HTTP/1.1 201 Created\r\n" + header + b": 4\r\n\r\n"
    connection.data_received(head + b"12")
    assert not answered
    connection.data_received(b"34")
    assert answered == [b"201"]


def test_expos_python_sdk_in_a_loop_sends_all_and_says_what_it_took(tmp_path: Path) -> None:
    stage = Stage(
        databases=SqliteFiles(tmp_path),
        folder=tmp_path,
        cores=Cores(),
        size=msgspec.structs.replace(QUICK, deliveries=1000),
    )
    taken = python_sdk(stage)
    assert taken.number == 1000
    assert taken.seconds > 0
    assert taken.cpu.loop > 0
