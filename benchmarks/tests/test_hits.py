"""The measuring core: what is read, what it comes to, what is asked for."""

import json
import os
import time
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks.hits.aims import AIMS, judge
from benchmarks.hits.cpu import CpuReading, parse_schedstat, parse_stat, read_cpu
from benchmarks.hits.figures import Case, Run, compare, summarise
from benchmarks.hits.own_counts import parse_counts
from benchmarks.hits.plot import svg_of
from benchmarks.hits.report import (
    AIM_COLUMNS,
    COST_COLUMNS,
    aim_rows,
    cost_rows,
    document_of,
    elsewhere_rows,
)
from benchmarks.hits.shapes import SHAPES, Shape
from benchmarks.hits.tickets import Tickets
from benchmarks.hits.wrk import LoadFailedError, parse_counted
from drm.tokens import TokenVerifier, decode_key_set

CASE = Case("memory", "64")
OTHER_CASE = Case("memory", "4")
COUNTED = {
    "requests": 1000,
    "bytes": 65_000_000,
    "duration_us": 2_000_000,
    "errors": 0,
    "p50_us": 800,
    "p99_us": 3000,
    "p999_us": 9000,
}


def run_of(server: str, number: int, cpu_us: float, case: Case = CASE) -> Run:
    return Run(
        case=case,
        server=server,
        round=number,
        requests=1000,
        user_s=cpu_us * 1000 / 1e6 * 0.25,
        system_s=cpu_us * 1000 / 1e6 * 0.75,
        duration_s=2.0,
        p50_us=100,
        p99_us=200,
        p999_us=300,
    )


def test_a_process_may_be_named_like_fields():
    text = "42 (a b) 7 (c) S 1 " + " ".join(str(number) for number in range(5, 53))
    assert parse_stat(text) == (14, 15)


def test_time_on_a_core_is_the_first_number():
    assert parse_schedstat("123456789 42 7\n") == 123_456_789


def test_threads_that_ended_take_nothing_back():
    earlier = CpuReading({1: 5_000_000_000, 2: 7_000_000_000}, 100, 100)
    later = CpuReading({1: 6_000_000_000, 3: 500_000_000}, 130, 110)
    spent = later.since(earlier)
    assert spent.total_s == pytest.approx(1.5)
    assert spent.user_s == pytest.approx(1.5 * 0.75)


def test_the_time_of_this_process_is_counted():
    begin, begin_s = read_cpu([os.getpid()]), time.process_time()
    while time.process_time() - begin_s < 0.05:
        pass
    spent_s = read_cpu([os.getpid()]).since(begin).total_s
    assert 0.045 < spent_s < 1.0


def test_what_wrk_counted_is_read():
    counted = parse_counted(f"Running 2s test\ncounted {json.dumps(COUNTED)}\nRequests/sec: 1")
    assert (counted.requests, counted.p999_us) == (1000, 9000)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Running 2s test", id="nothing was counted"),
        pytest.param(f"counted {json.dumps(COUNTED | {'errors': 1})}", id="an error"),
        pytest.param(f"counted {json.dumps(COUNTED | {'requests': 0})}", id="no answer"),
    ],
)
def test_a_load_that_failed_gives_no_figures(text: str):
    with pytest.raises(LoadFailedError):
        parse_counted(text)


def test_our_own_counters_tell_which_way_requests_went():
    text = """
# TYPE edge_responses counter
edge_responses_total{result="hit",status_class="2xx"} %d
edge_responses_total{result="miss",status_class="2xx"} 7
# TYPE edge_peer_requests counter
edge_peer_requests_total{role="worker",result="hit"} 5
edge_peer_requests_total{role="worker",result="miss"} 5
"""
    earlier, later = parse_counts(text % 100), parse_counts(text % 300)
    assert later.values == {"hit": 300, "other worker": 10}
    assert later.shares_since(earlier, 200) == {"hit": 1.0, "other worker": 0.0}


def test_a_round_in_which_all_were_slow_changes_no_ratio():
    ours = [run_of("attacca", 0, 10), run_of("attacca", 1, 30), run_of("attacca", 2, 11)]
    theirs = [run_of("nginx", 0, 20), run_of("nginx", 1, 60), run_of("nginx", 2, 20)]
    ratio = compare(ours, theirs)
    assert ratio is not None
    assert (ratio.median, ratio.least, ratio.most) == pytest.approx((0.5, 0.5, 0.55))


def test_rounds_that_only_one_has_are_not_compared():
    assert compare([run_of("attacca", 0, 10)], [run_of("nginx", 1, 10)]) is None


def test_a_summary_has_medians_and_extremes():
    summary = summarise([run_of("nginx", number, cost) for number, cost in enumerate((30, 10, 20))])
    assert (summary.cpu_us, summary.least_us, summary.most_us) == pytest.approx((20, 10, 30))
    assert (summary.user_us, summary.system_us) == pytest.approx((5, 15))
    assert summary.requests_per_cpu_s == pytest.approx(50_000)


def test_an_aim_is_met_missed_or_not_measured():
    runs = [run_of("attacca", 0, 9), run_of("nginx", 0, 10), run_of("varnish", 0, 10)]
    met = {(one.aim.case, one.aim.peer): one.is_met for one in judge(runs)}
    assert met[CASE, "nginx"] is True
    assert met[CASE, "varnish"] is False
    assert met[Case("memory-tls", "64"), "nginx"] is None


def test_each_aim_is_told_apart_in_the_table():
    titles = [(aim.title, aim.ours, aim.peer) for aim in AIMS]
    assert len(set(titles)) == len(titles)


def test_tables_have_a_cell_for_each_column():
    runs = [run_of("attacca", 0, 9), run_of("nginx", 0, 10), run_of("attacca-2", 0, 10)]
    assert {len(row) for row in cost_rows(runs)} == {len(COST_COLUMNS)}
    assert {len(row) for row in aim_rows(runs)} == {len(AIM_COLUMNS)}
    beside_nginx = next(row for row in cost_rows(runs) if row[2] == "nginx")
    assert beside_nginx[COST_COLUMNS.index("ours to it")] == "0.90"
    assert len(json.loads(document_of(runs, [], []))["runs"]) == 3


def test_what_listeners_cost_is_told_once_it_is_measured(tmp_path: Path):
    file = tmp_path / "streams.json"
    unknown = elsewhere_rows(file)
    row = {"what": "listeners", "aim": ">= 20000", "ours": "21000", "nginx": "17000", "met": "yes"}
    file.write_text(json.dumps({"aims": [row]}))
    known = elsewhere_rows(file)
    assert {len(row) for row in (*unknown, *known)} == {len(AIM_COLUMNS)}
    assert {row[-1] for row in unknown} == {"-"}
    assert known[0] == (
        "listeners",
        "",
        ">= 20000",
        "21000, nginx 17000",
        "make bench-streams",
        "yes",
    )
    assert "make bench-streams" not in {row[4] for row in known[1:]}


def test_the_plot_has_a_bar_for_each_server_and_the_longest_fits():
    runs = [run_of("attacca", 0, 9), run_of("nginx", 0, 10), run_of("floor", 0, 10, OTHER_CASE)]
    root = ET.fromstring(svg_of(runs))  # noqa: S314 - written a moment ago
    texts = [one.text for one in root if one.tag.endswith("text")]
    assert [text for text in texts if text in {"attacca", "nginx", "floor"}] == [
        "attacca",
        "nginx",
        "floor",
    ]
    widths = [float(one.attrib["width"]) for one in root if "fill-opacity" in one.attrib]
    assert len(widths) == 6
    assert 0 < min(widths) < max(widths) < float(root.attrib["width"])


@pytest.mark.parametrize("shape", SHAPES.values(), ids=lambda shape: shape.name)
def test_requests_stay_within_the_objects(shape: Shape):
    requests = shape.requests()
    assert {one.path for one in requests} <= set(shape.paths())
    assert all(0 <= one.start < one.stop <= shape.object_bytes for one in requests)
    assert {one.stop - one.start for one in requests} == {shape.answer_bytes}
    assert any(one != other for one, other in pairwise(requests))


def test_each_path_has_a_token_that_opens_it_and_few_others():
    shape = SHAPES["4"]
    tickets = Tickets([shape])
    verifier = TokenVerifier(decode_key_set(tickets.key_set).keys, remembered_max=100)
    tokens = {path: tickets.fields_of(path).split()[2] for path in shape.paths()}
    assert len(set(tokens.values())) > 10
    first, *_, last = shape.paths()
    claims = verifier.verify(tokens[first], now_s=time.time())
    assert claims.allows(first)
    assert not claims.allows(last)
