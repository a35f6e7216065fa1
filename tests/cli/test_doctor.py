# SPDX-License-Identifier: Apache-2.0
"""`spancost doctor`: how each span is read, duplicates, missing prices and leaked baggage, each with a fix."""

from __future__ import annotations

import json
import string
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from spancost.cli import main
from spancost.config.settings import Settings
from spancost.core import reasons
from spancost.diagnose.doctor import environment
from spancost.diagnose.doctor.budgets import inspect_budgets
from spancost.diagnose.doctor.fixes import FIXES, fix
from spancost.diagnose.doctor.instrumentations import of_packages
from spancost.diagnose.doctor.processes import inspect_processes
from tests.cli.test_enrich import call, request

INNER = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.output_tokens": 100,
}
OPENINFERENCE = {
    "openinference.span.kind": "LLM",
    "llm.provider": "openai",
    "llm.model_name": "gpt-4o",
    "llm.token_count.prompt": 1000,
    "llm.token_count.completion": 100,
}


def doctor(lines: list[Any], *arguments: str) -> Result:
    text = "".join(json.dumps(line) + "\n" for line in lines)
    return CliRunner().invoke(main, ["doctor", "-", *arguments], input=text)


def found(lines: list[Any]) -> dict[str, list[dict[str, Any]]]:
    """What is found, by section."""
    sections: dict[str, list[dict[str, Any]]] = {}
    for line in doctor(lines, "--json").stdout.splitlines():
        finding = json.loads(line)
        sections.setdefault(finding["section"], []).append(finding)
    return sections


def scoped(line: Any, scope: str, version: str = "1.0") -> Any:
    line["resourceSpans"][0]["scopeSpans"][0]["scope"] = {"name": scope, "version": version}
    return line


def test_each_scope_is_named_with_what_reads_it() -> None:
    """Its dialect, the attributes that told, and the rules that hold for its version."""
    outer = scoped(request(1, **{"openinference.span.kind": "LLM", "llm.model_name": "gpt-4o"}), "openinference.x", "2")
    (first, second) = found([call(2, 1), outer])["Emitters of model calls"]
    assert first["facts"]["dialects"] == ["openinference"] or second["facts"]["dialects"] == ["openinference"]
    inner = next(each for each in (first, second) if each["facts"]["scope"].endswith("genai.openai"))
    assert inner["facts"]["dialects"] == ["otel_genai"]
    assert inner["facts"]["roles"] == {"call": 1}
    assert "gen_ai.usage.input_tokens" in inner["facts"]["keys"]
    assert inner["text"].startswith("opentelemetry.instrumentation.genai.openai 1.3b0: 1 span (1 call)")


def test_instrumentations_that_double_each_other_are_named() -> None:
    outer = scoped(request(1, **OPENINFERENCE), "openinference.instrumentation.openai")
    (pair,) = found([call(2, 1), outer])["Reported more than once, counted once"]
    assert pair["facts"]["scope"] == "openinference.instrumentation.openai"
    assert pair["facts"]["repeats"] == "opentelemetry.instrumentation.genai.openai"
    assert "disable one of the two" in pair["fix"]


def test_what_has_no_price_comes_with_the_reason_and_what_to_do() -> None:
    line = request(2, **{**INNER, "gen_ai.request.model": "acme-7"})
    (unpriced,) = found([line])["Unpriced or uncertain"]
    assert unpriced["level"] == "problem"
    assert (unpriced["facts"]["reason"], unpriced["facts"]["model"]) == ("unknown_model", "acme-7")
    assert "pricing/providers/openai.yaml" in unpriced["fix"]


def test_baggage_that_went_to_a_provider_is_a_problem() -> None:
    header = {"http.request.header.baggage": "app.team=x", "server.address": "api.openai.com"}
    own = {"http.request.header.baggage": "app.team=x", "server.address": "orders.internal"}
    (leak,) = found([request(1, **header), request(2, **own)])["Baggage"]
    assert (leak["level"], leak["facts"]) == ("problem", {"host": "api.openai.com", "requests": 1})
    assert "app.team" not in json.dumps(leak)


def test_spans_without_model_calls_and_words_that_nobody_knows_are_said() -> None:
    line = scoped(request(2, **{"gen_ai.shiny.new": "word"}), "acme.instrumentation")
    nothing, unread = found([line])["Emitters of model calls"]
    assert nothing["level"] == "problem"
    assert unread["facts"] == {"scope": "acme.instrumentation", "spans": 1, "attribute": "gen_ai.shiny.new"}


def test_a_file_that_is_no_otlp_is_a_problem_and_told_by_the_status() -> None:
    done = CliRunner().invoke(main, ["doctor", "-"], input="{nonsense\n")
    assert done.exit_code == 1
    assert "found no JSON" in done.stdout


def test_the_page_fits_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names longer than a line excepted."""
    monkeypatch.setenv("COLUMNS", "80")
    page = doctor([call(2, 1), request(1, **{**INNER, "gen_ai.request.model": "acme-7"})]).stdout
    assert "Known blind spots" in page
    assert max(map(len, page.splitlines())) <= 80


def test_the_environment_is_told() -> None:
    """Every section, without a file; an unguarded baggage propagator gives a warning."""
    done = CliRunner().invoke(main, ["doctor", "--json"], env={"SPANCOST_BAGGAGE": "", "OTEL_TRACES_SAMPLER": ""})
    sections = {json.loads(line)["section"]: json.loads(line) for line in done.stdout.splitlines()}
    assert done.exit_code == 0
    expected = {"Versions", "Settings", "Rate card", "OpenTelemetry SDK", "Instrumentations", "Baggage"}
    assert expected | {"Known blind spots"} == set(sections)
    assert sections["OpenTelemetry SDK"]["facts"]["strategy"] in ("hook", "wrap")
    assert sections["Baggage"]["level"] == "note"


def test_a_wrong_setting_and_a_card_that_is_missing_are_problems() -> None:
    done = CliRunner().invoke(main, ["doctor", "--json"], env={"SPANCOST_STRATEGY": "magic"})
    by_section = {json.loads(line)["section"]: json.loads(line) for line in done.stdout.splitlines()}
    assert by_section["Settings"]["level"] == "problem"
    assert "SPANCOST_STRATEGY" in by_section["Settings"]["text"]
    (missing,) = environment.card(Settings(card="2020.01.01-000000000000"))
    assert missing.level == "problem" and "not in this release" in missing.text


def test_a_contract_that_cannot_be_used_is_a_problem(tmp_path: Path) -> None:
    assert list(environment.contract(Settings())) == []
    (missing,) = environment.contract(Settings(contract=str(tmp_path / "nowhere.json")))
    assert missing.level == "problem" and "No call is priced" in missing.text


def test_budgets_are_told_with_who_shares_them(tmp_path: Path) -> None:
    """Wrong ones are a problem; those in memory are a note, because each worker has its own."""
    assert list(inspect_budgets(Settings())) == []
    told = list(inspect_budgets(Settings(budget=("trace:5",))))
    assert [(each.level, each.facts["store"]) for each in told] == [("fine", "memory"), ("note", "memory")]
    (shared,) = inspect_budgets(Settings(budget=("trace:5",), budget_store="redis://:planted-password@host:1/0"))
    assert shared.level == "fine" and "planted-password" not in repr(shared)
    (wrong,) = inspect_budgets(Settings(budgets=str(tmp_path / "none.yaml")))
    assert wrong.level == "problem" and "cannot be read" in wrong.text


def test_an_old_card_is_worth_a_look() -> None:
    (fresh,) = environment.card(Settings(), today=date(2000, 1, 1))
    (old,) = environment.card(Settings(), today=date(2100, 1, 1))
    assert (fresh.level, old.level) == ("fine", "note")
    assert "Update spancost" in old.fix


@pytest.mark.parametrize(
    ("fields", "setting", "guarded", "level"),
    [
        (["traceparent"], "off", None, "fine"),
        (["traceparent"], "send", None, "problem"),
        (["baggage", "traceparent"], "send", None, "fine"),
        (["baggage", "traceparent"], "off", True, "fine"),
        (["baggage", "traceparent"], "off", False, "note"),
    ],
)
def test_what_may_leak_in_baggage(fields: list[str], setting: Any, guarded: bool | None, level: str) -> None:
    assert environment.baggage_finding(Settings(baggage=setting), fields, guarded).level == level


def test_processes_tell_their_faults_and_counts() -> None:
    note = {
        "program": ["python", "app.py"],
        "python": "3.12.0",
        "opentelemetry_sdk": "1.45.2",
        "strategy": "hook",
        "instrumented": ["openai"],
        "not_instrumented": {"redis": "disabled"},
        "stats": {"own": 3, "late": 2, "errors_end": 1, "evicted": 0},
        "propagator": "CompositePropagator",
        "propagator_fields": ["baggage", "traceparent"],
    }
    findings = list(inspect_processes([note], ["/usr/bin/python: ImportError"]))
    assert [finding.level for finding in findings] == ["problem", "fine", "note", "problem", "note"]
    assert "redis (disabled)" in findings[1].text
    (nobody,) = inspect_processes([], [])
    assert "No Python process took part" in nobody.text


def test_a_program_is_run_and_looked_at(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "from opentelemetry import trace\n"
        "with trace.get_tracer('opentelemetry.instrumentation.openai_v2').start_as_current_span('chat') as span:\n"
        f"    span.set_attributes({INNER!r})\n"
    )
    env = {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*", "SPANCOST_BAGGAGE": ""}
    done = CliRunner().invoke(main, ["doctor", "--json", "--", sys.executable, str(program)], env=env)
    sections = {json.loads(line)["section"]: json.loads(line) for line in done.stdout.splitlines()}
    assert done.exit_code == 0, done.output
    assert sections["Processes"]["facts"]["stats"]["own"] == 1
    assert sections["Emitters of model calls"]["facts"]["roles"] == {"call": 1}


def test_every_reason_has_a_remedy_and_every_remedy_can_be_filled_in() -> None:
    """The doctor has a fix for every documented reason."""
    assert set(reasons.SENTENCES) - set(FIXES) == set()
    for code, text in FIXES.items():
        fields = {field for _, field, _, _ in string.Formatter().parse(text) if field is not None}
        assert fields <= {"provider", "model", "about"}
        assert "{" not in fix(f"{code}:web_searches", "openai", "gpt-4o").replace("{'include_usage': True}", "")


def sent(span: int, host: str = "api.openai.com", later: int = 0) -> Any:
    line = request(span, **{"http.request.method": "POST", "server.address": host})
    raw = line["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    raw["startTimeUnixNano"] = str(int(raw["startTimeUnixNano"]) + later)
    raw["endTimeUnixNano"] = str(int(raw["endTimeUnixNano"]) + later)
    return scoped(line, "opentelemetry.instrumentation.httpx")


def test_a_request_to_a_provider_that_no_span_reports_is_a_problem() -> None:
    """One during a reported call is that call's; one to anybody else is no model call."""
    sections = found([call(1), sent(2), sent(3, later=200), sent(4, "shop.example", later=200)])
    (finding,) = sections["Requests that no span reports as a model call"]
    assert (finding["level"], finding["facts"]["host"], finding["facts"]["requests"]) == (
        "problem",
        "api.openai.com",
        1,
    )


def test_known_limits_of_an_emitter_are_told_beside_its_spans() -> None:
    line = scoped(call(1), "opentelemetry.instrumentation.genai.bedrock", "1.3b0")
    (finding,) = found([line])["Known limits of installed packages"]
    assert "while a stream is open" in finding["text"]


@pytest.mark.parametrize(
    ("installed", "packages"),
    [
        ({"litellm": "1.110.2"}, ["litellm"]),
        ({"litellm": "1.106.2"}, []),
        ({"litellm": "1.110.2", "openinference-instrumentation-litellm": "0.1.51"}, []),
        ({"opentelemetry-instrumentation-genai-agno": "1.3b0"}, ["opentelemetry-instrumentation-genai-agno"]),
        ({"xai-sdk": "1.4.0"}, ["xai-sdk"]),
        ({"openai": "2.9.0"}, []),
        ({"openai": "2.9.0", "google-genai": "1.50.0", "websockets": "15.0"}, ["openai", "google-genai"]),
        ({"google-cloud-aiplatform": "1.120.0", "openinference-instrumentation-vertexai": "0.1.12"}, []),
    ],
)
def test_known_limits_of_installed_packages_are_told(installed: dict[str, str], packages: list[str]) -> None:
    assert [finding.facts["package"] for finding in of_packages(installed)] == packages


def test_costs_that_others_state_are_beside_ours() -> None:
    """Each emitter and provider has one line; a difference of more than one percent is a warning."""
    stated = [
        scoped(request(1, **INNER, **{"gen_ai.usage.cost": 0.0035}), "acme.sdk"),
        scoped(
            request(2, **{**INNER, "gen_ai.usage.input_tokens": 2000}, **{"gen_ai.usage.cost": 0.012}), "acme.gateway"
        ),
        scoped(request(3, **{**INNER, "gen_ai.request.model": "gpt-none"}, **{"gen_ai.usage.cost": 0.5}), "acme.sdk"),
        scoped(request(4, **{**INNER, "gen_ai.usage.input_tokens": 3000}), "acme.silent"),
    ]
    gateway, sdk = found(stated)["Costs that others state"]
    assert gateway["level"] == "note"
    assert (
        gateway["facts"] | {"emitter": "acme.gateway", "ours_usd": "0.006", "theirs_usd": "0.012"} == gateway["facts"]
    )
    assert gateway["facts"]["drift_percent"] == "+100.0"
    assert sdk["level"] == "fine"
    assert (sdk["facts"]["spans"], sdk["facts"]["compared"], sdk["facts"]["only_theirs_usd"]) == (2, 1, "0.5")


def test_a_contract_and_emitters_are_given_by_option(tmp_path: Path) -> None:
    """They take the place of the environment, and a wrong file is one sentence."""
    emitters = tmp_path / "emitters.json"
    emitters.write_text(
        json.dumps(
            {
                "emitters": [
                    {
                        "name": "acme",
                        "scopes": ["acme.tracing"],
                        "provider": "openai",
                        "keys": {"model": "acme.model", "input_tokens": "acme.in", "output_tokens": "acme.out"},
                    }
                ]
            }
        )
    )
    spans = [scoped(request(1, **{"acme.model": "gpt-4o", "acme.in": 10, "acme.out": 5}), "acme.tracing")]
    assert "read as acme" in doctor(spans, "--emitters", str(emitters)).stdout
    assert "read as acme" not in doctor(spans).stdout
    done = doctor(spans, "--contract", str(tmp_path / "none.yaml"))
    assert done.exit_code == 1 and "none.yaml" in done.output
    facts = doctor(spans, "--account-fact", "azure.ai.openai:deployment_type=data zone").stdout
    assert "Contract" in facts


def test_a_sampler_that_hides_spend_is_told_with_what_the_remedy_costs() -> None:
    """Of the environment; the remedy itself gives no warning."""

    def findings(sampler: str) -> list[dict[str, Any]]:
        environ = {"OTEL_TRACES_SAMPLER": sampler, "OTEL_TRACES_SAMPLER_ARG": "0.01"}
        done = CliRunner().invoke(main, ["doctor", "--json"], env=environ)
        return [found for found in map(json.loads, done.stdout.splitlines()) if "sampler" in found["facts"]]

    (found,) = findings("parentbased_traceidratio")
    assert "parentbased_traceidratio 0.01" in found["text"]
    assert "record_all" in found["fix"] and "20 µs" in found["fix"]
    assert findings("spancost_record_all") == findings("always_on") == []
