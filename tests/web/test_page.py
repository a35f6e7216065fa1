# SPDX-License-Identifier: Apache-2.0
"""The page's server and data: token, policy, figures equal to the report, live spans; the report as one file."""

from __future__ import annotations

import json
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from spancost.cli import main
from spancost.config import detectors
from spancost.core.budget.ledger import Balance
from spancost.core.budget.limit import Limit
from spancost.core.budget.windows import Window
from spancost.core.money import FEMTO_PER_USD
from spancost.store.calls import open_calls
from spancost.store.pricing_choice import PricingChoice
from spancost.web.budgets_panel import Budgets
from spancost.web.live import LiveCalls
from spancost.web.questions import Questions
from spancost.web.server import PageServer
from tests.reports.otlp import chat, request
from tests.web.source import HOSTILE, LOOP, page_source


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return page_source(tmp_path_factory.mktemp("page") / "spans.jsonl")


BUDGETS = Budgets(
    (
        Limit("day", FEMTO_PER_USD, Window("day")),
        Limit("feature", 10 * FEMTO_PER_USD // 1000, Window("lifetime"), per=("app.feature",)),
        Limit("trace", FEMTO_PER_USD // 10, Window("trace")),
    ),
    lambda provider, model: (0, 0),
    lambda: [Balance("day:day::2026-11-19", 0, 3 * FEMTO_PER_USD)],
)


@pytest.fixture(scope="module")
def server(source: Path) -> Iterator[PageServer]:
    with open_calls([str(source)]) as calls:
        questions = Questions(lambda: (calls.engine, 0), PricingChoice(), detectors.rules(None), budgets=BUDGETS)
        served = PageServer(questions)
        threading.Thread(target=served.serve_forever, args=(0.02,), daemon=True).start()
        yield served
        served.shutdown()
        served.server_close()


def fetch(server: PageServer, path: str, token: str | None = None, **headers: str) -> tuple[int, Any, Any]:
    """Return status, headers and body of a request."""
    given = server.token if token is None else token
    asked = urllib.request.Request(server.endpoint + path, headers={"x-token": given, **headers})
    try:
        with urllib.request.urlopen(asked) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def question(server: PageServer, path: str) -> Any:
    status, _, body = fetch(server, f"/api/{path}")
    assert status == 200, body
    return json.loads(body)


def test_figures_are_those_of_the_report(server: PageServer, source: Path) -> None:
    data = question(server, "overview?by=model")
    done = CliRunner().invoke(main, ["report", str(source), "--by", "model", "--format", "json"])
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert {row["model"]: row["cost_usd"] for row in rows if row["cost_usd"]} == {
        row["key"]: f"{Decimal(row['cost_usd']).normalize():f}" for row in data["tables"]["model"] if row["cost_usd"]
    }
    charted = sum(Decimal(cost) for series in data["chart"]["series"] for cost in series["costs"])
    assert (
        charted
        == sum(Decimal(row["cost_usd"]) for row in rows if row["cost_usd"])
        == Decimal(data["totals"]["cost_usd"])
    )
    assert data["coverage"]["unpriced"] == 1
    assert "house-model of openai is not on the rate card" in data["unpriced"][0]["remedy"]


def test_filters_narrow_everything(server: PageServer) -> None:
    data = question(server, "overview?where=feature=search&where=model=gpt-4o")
    assert data["calls"] == 40
    assert [row["key"] for row in data["tables"]["feature"]] == ["search"]
    empty = question(server, "overview?where=feature=nothing")
    assert empty["calls"] == 0
    assert question(server, "anomalies?where=feature=nothing")["calls"] == 0
    assert question(server, "works?where=feature=nothing") == {"traces": [], "outcomes": []}
    assert question(server, "budgets?until=2026-01-01")["budgets"] == []


def test_a_trace_and_a_call_lead_to_the_rate(server: PageServer) -> None:
    trace = question(server, f"trace?id={LOOP:032x}")
    assert trace["calls"] == 40
    own = [span[6] for span in trace["spans"]]
    assert own[0] is None
    assert sum(Decimal(cost) for cost in own[1:]) == Decimal(trace["cost_usd"]) == Decimal(trace["spans"][0][5])
    call = question(server, f"call?trace={LOOP:032x}&span={trace['spans'][1][1]}")
    assert sum(Decimal(item["cost_usd"]) for item in call["items"]) == Decimal(call["cost_usd"])
    assert call["is_recomputed"]
    assert call["rate"]["rate_id"].startswith("openai/gpt-4o@")
    assert call["rate"]["source"].startswith("http")
    assert {row["provider"] for row in call["elsewhere"]} >= {"azure.ai.openai"}


def test_anomalies_are_those_of_the_command(server: PageServer, source: Path) -> None:
    done = CliRunner().invoke(main, ["anomalies", str(source), "--format", "json"])
    rules = {json.loads(line)["rule"] for line in done.stdout.splitlines()}
    assert {each["rule"] for each in question(server, "anomalies")["anomalies"]} == rules
    assert rules


def test_budgets_are_those_of_the_last_call_shown(server: PageServer) -> None:
    data = question(server, "budgets")
    day, feature, trace = data["budgets"]
    whole = question(server, "overview?since=2026-11-19")
    assert day["rows"][0]["used_usd"] == whole["totals"]["cost_usd"]
    assert (day["ends"], day["rows"][0]["reserved_usd"]) == ("2026-11-20T00:00:00Z", "3")
    assert {row["key"]: row["used_usd"] for row in feature["rows"]} == {
        row["key"]: row["cost_usd"] for row in question(server, "overview")["tables"]["feature"]
    }
    assert trace["rows"][0]["trace_id"] == f"{LOOP:032x}"
    assert trace["exhausted"] == sum(row["share"] >= 1 for row in trace["rows"])
    before = question(server, "budgets?until=2026-11-19&where=feature=nothing")
    assert before["at"].startswith("2026-11-18")
    assert before["budgets"][0]["ends"] == "2026-11-19T00:00:00Z"


def test_budgets_of_a_file_or_the_settings_are_in_the_report(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "budgets.yaml"
    file.write_text("budgets: 1\nlimits:\n- {id: of-file, limit_usd: 5, window: day}\n", encoding="utf-8")
    out = tmp_path / "week.html"
    monkeypatch.setenv("SPANCOST_BUDGET", "trace:5")
    given = ["report", str(source), "--format", "html", "--out", str(out), "--budgets", str(file)]
    assert CliRunner().invoke(main, given).exit_code == 0
    data = re.search(r'id="data">(.*?)</script>', out.read_text(encoding="utf-8"), re.DOTALL)
    assert data is not None
    assert [each["id"] for each in json.loads(data[1])["budgets"]["budgets"]] == ["of-file", "trace"]
    file.write_text("budgets: 1\nlimits:\n- {id: x, limit_usd: none, window: day}\n", encoding="utf-8")
    done = CliRunner().invoke(main, ["view", str(source), "--budgets", str(file)])
    assert done.exit_code == 2
    assert "budgets.yaml, line 3" in done.stderr


@pytest.mark.parametrize("path", ["/", "/api/overview", "/trace", "/api/version"])
def test_everything_but_the_styles_needs_the_token(server: PageServer, path: str) -> None:
    assert fetch(server, path, token="wrong")[0] == 403
    assert fetch(server, path, token="")[0] == 403


def test_another_site_cannot_ask(server: PageServer) -> None:
    """A name that resolves to this machine is not this machine (DNS rebinding)."""
    assert fetch(server, "/", Host="evil.example")[0] == 403


@pytest.mark.parametrize(
    "path", ["/static/../server.py", "/static/%2e%2e/server.py", "/static/", "/nothing", "/static/x.py"]
)
def test_no_other_file_is_served(server: PageServer, path: str) -> None:
    assert fetch(server, path)[0] == 404


def test_the_policy_allows_nothing_from_elsewhere(server: PageServer) -> None:
    _, headers, body = fetch(server, f"/?token={server.token}")
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["Referrer-Policy"] == "no-referrer"
    assert not re.search(rb"(?:src|href)=\"(?:https?:)?//", body)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("overview?by=nope", "by: found column 'nope'"),
        ("overview?since=soon", "since: found 'soon'"),
        ("overview?where=feature", "expected column=value"),
        ("trace?id=12", "expected 32 hexadecimal digits"),
        (f"call?trace={LOOP:032x}&span=0", "found no call"),
    ],
)
def test_a_wrong_question_is_answered_with_a_sentence(server: PageServer, path: str, expected: str) -> None:
    status, _, body = fetch(server, f"/api/{path}")
    assert status == 400
    assert expected in json.loads(body)["error"]


def test_a_file_source_takes_no_spans(server: PageServer) -> None:
    asked = urllib.request.Request(server.endpoint + "/v1/traces", data=b"{}", method="POST")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(asked)


def test_spans_that_a_service_sends_are_shown(tmp_path: Path) -> None:
    """JSON and protobuf; the version grows, so that the page asks again."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    live = LiveCalls(tmp_path, PricingChoice())
    questions = Questions(live.engine, PricingChoice(), detectors.rules(None), "here")
    served = PageServer(questions, receive=live.receive)
    threading.Thread(target=served.serve_forever, args=(0.02,), daemon=True).start()
    try:
        assert question(served, "overview")["calls"] == 0
        body = json.dumps(request(chat(1, 1))).encode()
        sent = urllib.request.Request(
            f"{served.endpoint}/v1/traces", data=body, headers={"content-type": "application/json"}
        )
        urllib.request.urlopen(sent)
        assert question(served, "overview")["calls"] == 1
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(f"{served.endpoint}/v1/traces")))
        with provider.get_tracer("test").start_as_current_span("chat") as span:
            for key, value in (("operation.name", "chat"), ("provider.name", "openai"), ("response.model", "gpt-4o")):
                span.set_attribute(f"gen_ai.{key}", value)
            span.set_attributes({"gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 1})
        provider.shutdown()
        data = question(served, "overview")
        assert (data["calls"], data["version"]) == (2, 2)
        broken = urllib.request.Request(f"{served.endpoint}/v1/traces", data=b"\xff\xff", method="POST")
        with pytest.raises(urllib.error.HTTPError, match="400"):
            urllib.request.urlopen(broken)
        foreign = urllib.request.Request(
            f"{served.endpoint}/v1/traces", data=body, headers={"origin": "http://evil.example"}
        )
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(foreign)
    finally:
        served.shutdown()
        served.server_close()
        live.close()


def test_the_report_is_one_file_without_addresses(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "week.html"
    done = CliRunner().invoke(main, ["report", str(source), "--format", "html", "--out", str(out)])
    assert (done.exit_code, done.stdout) == (0, "")
    text = out.read_text(encoding="utf-8")
    data = re.search(r'id="data">(.*?)</script>', text, re.DOTALL)
    assert data is not None
    assert HOSTILE.split()[0] not in text
    assert json.loads(data[1])["overview"]["calls"] == 71
    assert not re.search(r"(?:src|href)=[\"'](?:https?:)?//", text)
    assert "import " not in text.split('<script type="module">')[1]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("report", "x.jsonl", "--format", "html"), "--out: found none"),
        (("report", "x.jsonl", "--out", "y.html"), "expected --format html"),
        (("view",), "found neither SOURCE nor --listen"),
        (("view", "x.jsonl", "--listen"), "found both SOURCE and --listen"),
        (("view", "missing.jsonl"), "missing.jsonl: found no such file"),
    ],
)
def test_wrong_arguments_exit_with_a_sentence(arguments: tuple[str, ...], expected: str) -> None:
    done = CliRunner().invoke(main, list(arguments))
    assert done.exit_code == 2
    assert expected in done.stderr
