# SPDX-License-Identifier: Apache-2.0
"""A load gives the same table whatever the order, the files, the processes, and however often it is interrupted."""

from __future__ import annotations

import gzip
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
import zstandard
from click.testing import CliRunner, Result
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spancost.cli import main
from spancost.config import data
from spancost.core.record import CallRecord
from spancost.store import pipeline
from spancost.store.calls import call_records, open_calls
from spancost.store.enrich import enrich
from spancost.store.log_records import carried_records
from spancost.store.otlp_json import carried_spans
from spancost.store.otlp_receiver import recode_ids
from spancost.store.pricing_choice import PricingChoice
from spancost.testing.traffic import traffic
from tests.reports.otlp import chat, request, span, written
from tests.testing.test_traffic import MIXES


def load(*arguments: object) -> Result:
    done = CliRunner().invoke(main, ["load", *map(str, arguments)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done


def comparable(records: Iterable[CallRecord]) -> list[CallRecord]:
    plain = (r._replace(usage=dict(sorted(r.usage.items())), tags=dict(sorted(r.tags.items()))) for r in records)
    return sorted(plain, key=lambda record: (record.trace_id, record.span_id))


def stored(folder: Path) -> list[CallRecord]:
    return comparable(call_records([str(folder)]))


@pytest.fixture(scope="module")
def requests() -> list[dict[str, object]]:
    """Return 120 traces: an agent that reports the sum of its calls, calls in several requests, tags, an outcome."""
    rng = random.Random(7)
    spans = []
    for trace in range(1, 121):
        first = trace * 100
        spans.append(span(trace, first, name="POST /ask", app__outcome=rng.choice(["success", "failure"])))
        agent = {"gen_ai__operation__name": "invoke_agent", "gen_ai__provider__name": "openai"}
        tokens = [rng.randrange(100, 5000) for _ in range(rng.randrange(1, 5))]
        total = {
            "gen_ai__usage__input_tokens": sum(tokens),
            "gen_ai__usage__output_tokens": sum(t // 10 for t in tokens),
        }
        if len(tokens) > 1:
            spans.append(span(trace, first + 1, parent=first, name="agent", **agent, **total))
        for number, amount in enumerate(tokens):
            feature = rng.choice(["search", "reply"])
            spans.append(
                chat(
                    trace,
                    first + 2 + number,
                    tokens=amount,
                    parent=first + (len(tokens) > 1),
                    at_s=trace,
                    app__feature=feature,
                )
            )
    rng.shuffle(spans)
    return [request(*spans[at : at + 7]) for at in range(0, len(spans), 7)]


@pytest.fixture
def source(tmp_path: Path, requests: list[dict[str, object]]) -> Path:
    return written(tmp_path / "week.jsonl", *requests)


def test_a_stored_call_is_the_record_that_was_counted(source: Path, tmp_path: Path) -> None:
    """Nothing of a record is lost; an agent's sum is not counted again."""
    load(source, "--into", tmp_path / "table")
    counted = comparable(call_records([str(source)]))
    assert stored(tmp_path / "table") == counted
    assert {record.operation for record in counted} == {"chat"}
    assert {record.outcome for record in counted} == {"success", "failure"}


def test_files_lines_order_and_copies_change_nothing(source: Path, tmp_path: Path) -> None:
    """One file, its lines shuffled, or divided over files, or given twice."""
    expected = comparable(call_records([str(source)]))
    lines = source.read_text(encoding="utf-8").splitlines(keepends=True)
    random.Random(3).shuffle(lines)
    halves = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    halves[0].write_text("".join(lines[::2]), encoding="utf-8")
    halves[1].write_text("".join(lines[1::2]), encoding="utf-8")
    load(*halves, "--into", tmp_path / "one")
    load(*reversed(halves), source, "--into", tmp_path / "two")
    assert stored(tmp_path / "one") == stored(tmp_path / "two") == expected


def test_loading_again_changes_nothing(source: Path, tmp_path: Path) -> None:
    """The same file is left out; a copy of it is read again, and each call counts once."""
    folder, copy = tmp_path / "table", tmp_path / "copy.jsonl"
    load(source, "--into", folder)
    expected = stored(folder)
    assert "1 of 1 files were there already" in load(source, "--into", folder).stderr
    copy.write_bytes(source.read_bytes() + b"\n")
    load(copy, "--into", folder)
    assert stored(folder) == expected
    with open_calls([str(folder)]) as calls:
        assert calls.engine.rows("SELECT count(*), count(DISTINCT trace_id) FROM traces") == [(120, 120)]


def test_a_later_load_that_sees_the_whole_trace_is_right(tmp_path: Path) -> None:
    """An agent whose calls were in another file was counted; with both files in hand it is their sum."""
    agent = {"gen_ai__operation__name": "invoke_agent", "gen_ai__provider__name": "openai"}
    usage = {"gen_ai__usage__input_tokens": 2000, "gen_ai__usage__output_tokens": 200}
    above = written(tmp_path / "above.jsonl", request(span(1, 1, name="agent", **agent, **usage)))
    calls = written(tmp_path / "calls.jsonl", request(chat(1, 2, parent=1), chat(1, 3, parent=1)))
    folder = tmp_path / "table"
    load(above, "--into", folder)
    assert [record.span_id for record in stored(folder)] == [1]
    both = tmp_path / "both.jsonl"
    both.write_bytes(above.read_bytes() + calls.read_bytes())
    load(both, "--into", folder)
    assert [record.span_id for record in stored(folder)] == [2, 3]


@pytest.mark.slow
def test_shards_and_processes_change_nothing(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large file is divided by trace; so is this small one when shards are small."""
    expected = comparable(call_records([str(source)]))
    monkeypatch.setattr(pipeline, "SHARD", 4_000)
    monkeypatch.setattr(pipeline, "RANGE", 9_000)
    assert pipeline.plan_of([str(source)]).shards > 20
    assert comparable(call_records([str(source)])) == expected
    load(source, "--into", tmp_path / "table", "--workers", "2")
    assert stored(tmp_path / "table") == expected


KILLED = """
import os, sys
from spancost.store import load, pipeline
pipeline.SHARD, pipeline.RANGE, load.SHARDS_PER_SEGMENT = 4_000, 9_000, 4
from spancost.store.pricing_choice import PricingChoice
from pathlib import Path
whole = load.settle
def settle(temporary, target):
    whole(temporary, target)
    if target.name.startswith("calls") and "stop" in sys.argv:
        os.kill(os.getpid(), 9)
load.settle = settle
load.load([sys.argv[1]], Path(sys.argv[2]), PricingChoice())
"""


@pytest.mark.slow
def test_a_load_that_was_killed_is_continued(source: Path, tmp_path: Path) -> None:
    """Until it is finished nothing of it is read; then it is the same table."""
    folder = tmp_path / "table"
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", KILLED, source, folder, "stop"], check=False)
        assert done.returncode == -signal.SIGKILL
    assert len(list(folder.glob("calls-*.parquet"))) == 3
    assert stored(folder) == []
    subprocess.run([sys.executable, "-c", KILLED, source, folder], check=True)
    assert stored(folder) == comparable(call_records([str(source)]))
    assert not list(folder.glob(".*"))


@pytest.mark.slow
def test_loads_at_the_same_time_change_nothing(source: Path, tmp_path: Path) -> None:
    """Two loads of one file and one of a copy write into one folder at once."""
    folder, copy = tmp_path / "table", tmp_path / "copy.jsonl"
    copy.write_bytes(source.read_bytes())
    os.utime(copy, (1, 1))
    command = [sys.executable, "-c", "from spancost.cli import main; main()", "load", "--into", str(folder)]
    running = [subprocess.Popen([*command, str(path)]) for path in (source, source, copy)]
    assert [process.wait() for process in running] == [0, 0, 0]
    assert stored(folder) == comparable(call_records([str(source)]))


def framed(messages: Iterable[bytes]) -> bytes:
    return b"".join(len(message).to_bytes(4, "big") + message for message in messages)


def protobuf(document: dict[str, object]) -> bytes:
    copy = json.loads(json.dumps(document))
    recode_ids(copy, to_hex=False)
    return json_format.ParseDict(copy, ExportTraceServiceRequest()).SerializeToString()


def test_every_form_of_a_file_gives_the_same_calls(
    source: Path, tmp_path: Path, requests: list[dict[str, object]]
) -> None:
    """JSON lines, one document, protobuf with lengths, each compressed as a whole or by message."""
    expected = comparable(call_records([str(source)]))
    lines, compress = source.read_bytes(), zstandard.ZstdCompressor().compress
    messages = [protobuf(each) for each in requests]
    forms = {
        "lines.json.gz": gzip.compress(lines),
        "lines.json.zst": compress(lines),
        "pretty.json": json.dumps(
            {"resourceSpans": [r for q in requests for r in q["resourceSpans"]]}, indent=1
        ).encode(),
        "framed.binpb": framed(messages),
        "framed-zstd.binpb": framed(map(compress, messages)),
        "framed-json-zstd": framed(compress(json.dumps(each).encode()) for each in requests),
        "framed.binpb.gz": gzip.compress(framed(messages)),
        "one.binpb": b"".join(messages),
    }
    for name, content in forms.items():
        path = tmp_path / name
        path.write_bytes(content)
        assert comparable(call_records([str(path)])) == expected, name


def test_a_file_that_is_cut_is_read_as_far_as_it_goes(source: Path, tmp_path: Path) -> None:
    """The last line or message of a process that was killed: the rest counts, and a warning says so."""
    cut = tmp_path / "cut.jsonl"
    cut.write_bytes(source.read_bytes()[:-40])
    done = CliRunner().invoke(main, ["report", str(cut), "--format", "json"])
    assert done.exit_code == 0
    assert "found no JSON" in done.stderr
    assert json.loads(done.stdout)["calls"] > 0


def test_reprice_replaces_what_the_folder_holds(source: Path, tmp_path: Path) -> None:
    """A contract changes nothing of stored calls without --reprice, and every cost with it."""
    contract = tmp_path / "contract.yaml"
    contract.write_text(
        "contract: 1\nname: half\nterms: [{id: half, match: {provider: openai}, discount: 50%}]\n", encoding="utf-8"
    )
    folder = tmp_path / "table"
    load(source, "--into", folder)
    full = sum(record.cost_femto or 0 for record in stored(folder))
    load(source, "--into", folder, "--contract", contract)
    assert sum(record.cost_femto or 0 for record in stored(folder)) == full
    load(source, "--into", folder, "--contract", contract, "--reprice")
    halved = stored(folder)
    assert sum(record.cost_femto or 0 for record in halved) * 2 == full
    assert sum(record.list_cost_femto or 0 for record in halved) == full
    assert {record.source for record in halved} == {"contract"}


def test_no_prompt_stays_in_the_folder(tmp_path: Path) -> None:
    """Texts of prompts are in no segment."""
    path = written(tmp_path / "a.jsonl", request(chat(1, 1, gen_ai__input__messages="my secret question " * 40)))
    load(path, "--into", tmp_path / "table")
    assert all(b"secret" not in each.read_bytes() for each in (tmp_path / "table").iterdir())


RECORDED = sorted((Path(__file__).parent.parent / "vectors" / "records").glob("*.json"))


@pytest.mark.parametrize("shard", [10**9, 300], ids=["in memory", "in shards"])
def test_log_records_count_as_in_enrich(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shard: int) -> None:
    """Calls that spans and log records report, of every vector, each in sessions of its own file."""
    monkeypatch.setattr(pipeline, "SHARD", shard)
    dialects = data.default_dialects()
    for vector in RECORDED:
        requests = json.loads(vector.read_text(encoding="utf-8"))["requests"]
        path = written(tmp_path / vector.name, *requests)
        spans = [carried for each in requests for carried in carried_spans(each)]
        records = [record for each in requests for record in carried_records(each, dialects.markers)]
        expected = enrich(spans, PricingChoice().ledger(dialects, 1024), records, dialects)
        found = list(call_records([str(path)]))
        assert sorted(map(about, found)) == sorted(map(about, expected)), vector.name
        assert len({(record.trace_id, record.span_id) for record in found}) == len(found)


def about(record: CallRecord) -> tuple[object, ...]:
    return (record.trace_id, record.start_ns, str(record.model), str(record.cost_femto), record.session_id)


@pytest.mark.parametrize("name", MIXES)
def test_crowded_traffic_is_counted_alike_in_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Second reporters in other traces, gateways, ids that repeat: any division by trace gives the same calls."""
    path = written(tmp_path / "traffic.jsonl", *traffic(3, MIXES[name], 120).requests(20))
    whole = comparable(call_records([str(path)]))
    monkeypatch.setattr(pipeline, "SHARD", 40_000)
    monkeypatch.setattr(pipeline, "RANGE", 100_000)
    assert pipeline.plan_of([str(path)]).shards > 5
    assert comparable(call_records([str(path)])) == whole
