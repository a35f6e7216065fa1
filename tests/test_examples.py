# SPDX-License-Identifier: Apache-2.0
"""Every example runs against loopback servers, and its spans arrive with costs; the queries ask for what is written."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from spancost.testing import OtlpReceiver, ProviderServer
from tests.repository import ROOT
from tools import generate_semconv

EXAMPLES = ROOT / "examples"
BIN = Path(sys.executable).parent
RUNS = {
    "existing_setup": [sys.executable, EXAMPLES / "existing_setup" / "main.py"],
    "zero_code": [EXAMPLES / "zero_code" / "run.sh"],
    "honeycomb": [EXAMPLES / "honeycomb" / "run.sh"],
    "jaeger": [EXAMPLES / "jaeger" / "run.sh"],
    "grafana": [EXAMPLES / "grafana" / "run.sh"],
}
TYPES = {attribute.key: attribute.type for group in generate_semconv.load() for attribute in group.attributes}
HONEYCOMB_OPS = {"COUNT", "SUM", "AVG", "MIN", "MAX", "COUNT_DISTINCT", "HEATMAP", "P50", "P90", "P95", "P99"}
FOREIGN_COLUMNS = {"trace.trace_id", "trace.parent_id", "error"}


def environment(provider: ProviderServer, receiver: OtlpReceiver) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "SPANCOST_"))}
    return kept | {
        "PATH": os.pathsep.join([str(BIN), os.environ.get("PATH", "")]),
        "OPENAI_API_KEY": "local",
        "OPENAI_BASE_URL": f"{provider.url}/v1",
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        "HONEYCOMB_API_KEY": "local-key",
    }


def test_every_example_is_run() -> None:
    """A new folder under examples/ needs a line in this file."""
    assert {path.name for path in EXAMPLES.iterdir() if path.is_dir() and any(path.iterdir())} == set(RUNS)


@pytest.mark.parametrize("name", RUNS)
def test_an_example_sends_spans_whose_cost_is_what_the_provider_billed(name: str) -> None:
    """The example's program runs unchanged; only addresses and keys come from the environment."""
    with ProviderServer() as provider, OtlpReceiver() as receiver:
        command = [str(part) for part in RUNS[name]]
        done = subprocess.run(command, env=environment(provider, receiver), capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr[-3000:]
        assert done.stderr == ""
        costs = [span.attributes.get("llm.request_cost_usd") for span in receiver.spans]
        roots = [span.attributes.get("llm.trace_cost_usd") for span in receiver.spans if not span.parent_id]
        billed = float(provider.bill.total_usd)
    assert billed > 0
    assert sum(cost for cost in costs if cost is not None) == pytest.approx(billed, rel=1e-9)
    assert sum(cost for cost in roots if cost is not None) == pytest.approx(billed, rel=1e-9)


def test_honeycomb_queries_name_columns_that_are_written() -> None:
    """Columns are attributes of the registry, and sums are taken of numbers."""
    queries: Mapping[str, Mapping[str, list[dict[str, str]]]] = json.loads(
        (EXAMPLES / "honeycomb/queries.json").read_text()
    )
    for name, query in queries.items():
        for calculation in query["calculations"]:
            assert calculation["op"] in HONEYCOMB_OPS, name
            if calculation["op"] != "COUNT":
                assert TYPES[calculation["column"]] in {"int", "double"}, name
        columns = {
            entry["column"] for key in ("filters", "orders") for entry in query.get(key, []) if "column" in entry
        }
        columns |= {str(column) for column in query.get("breakdowns", [])}
        assert columns <= TYPES.keys() | FOREIGN_COLUMNS, name


def test_jaeger_searches_are_equalities_on_strings() -> None:
    """Jaeger compares text, so only string attributes can be found."""
    lines = (EXAMPLES / "jaeger" / "searches.txt").read_text().splitlines()
    keys = [key for line in lines for key in re.findall(r"(\S+)=\S+", line)]
    assert keys
    assert {TYPES[key] for key in keys} == {"string"}


def test_traceql_compares_numbers_of_the_attribute_s_own_type() -> None:
    """Tempo matches nothing when a float attribute meets an integer, and ignores floats in quantiles."""
    text = (EXAMPLES / "grafana" / "queries.traceql").read_text()
    queries = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    used = set(re.findall(r"span\.((?:llm|app)\.[a-z_0-9]+)", queries))
    assert used <= TYPES.keys()
    for key, literal in re.findall(r"span\.(llm\.[a-z_0-9]+)\)? (?:[<>]=?|=) (-?[0-9.]+)", queries):
        assert ("." in literal) == (TYPES[key] == "double"), f"{key} compared with {literal}"
    for key in re.findall(r"quantile_over_time\(span\.(llm\.[a-z_0-9]+)", queries):
        assert TYPES[key] == "int", key
