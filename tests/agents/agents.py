# SPDX-License-Identifier: Apache-2.0
"""Coding agents as their makers ship them, run once each against a model server and an OTLP receiver on loopback."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

SECONDS = 120
PROMPT = "Say hello in one word."

_CODEX = """
model = "gpt-5"
model_provider = "loopback"
[model_providers.loopback]
name = "loopback"
base_url = "{openai}/v1"
env_key = "LOOPBACK_KEY"
wire_api = "responses"
[otel]
log_user_prompt = false
exporter = {{ otlp-http = {{ endpoint = "{otlp}/v1/logs", protocol = "json" }} }}
trace_exporter = {{ otlp-http = {{ endpoint = "{otlp}/v1/traces", protocol = "json" }} }}
metrics_exporter = "none"
"""


class Agent(NamedTuple):
    """One agent: its program under node_modules, what it is called with, its environment, the files in its home.

    In texts, {anthropic}, {openai} and {gemini} are the providers' addresses on loopback, {otlp} the receiver's.
    """

    program: str
    arguments: tuple[str, ...]
    env: Mapping[str, str]
    files: Mapping[str, str] = {}
    prefers: str = "spans"


_OTLP = {"OTEL_EXPORTER_OTLP_ENDPOINT": "{otlp}", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}
AGENTS = {
    "claude-code": Agent(
        "@anthropic-ai/claude-code-linux-x64/claude",
        ("-p", PROMPT, "--model", "claude-sonnet-4-5"),
        {
            **_OTLP,
            "ANTHROPIC_BASE_URL": "{anthropic}",
            "ANTHROPIC_API_KEY": "test-key",
            "CLAUDE_CODE_ENABLE_TELEMETRY": "1",
            "CLAUDE_CODE_ENHANCED_TELEMETRY_BETA": "1",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "OTEL_LOGS_EXPORTER": "otlp",
            "OTEL_TRACES_EXPORTER": "otlp",
        },
    ),
    "codex": Agent(
        "@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex",
        ("exec", "--skip-git-repo-check", PROMPT),
        {"LOOPBACK_KEY": "test-key"},
        {".codex/config.toml": _CODEX},
        "logs",
    ),
    "gemini-cli": Agent(
        "@google/gemini-cli/bundle/gemini.js",
        ("-m", "gemini-2.5-pro", "-p", PROMPT),
        {
            "GEMINI_API_KEY": "test-key",
            "GOOGLE_GEMINI_BASE_URL": "{gemini}",
            "GEMINI_TELEMETRY_ENABLED": "true",
            "GEMINI_TELEMETRY_TRACES_ENABLED": "true",
            "GEMINI_TELEMETRY_TARGET": "local",
            "GEMINI_TELEMETRY_OTLP_ENDPOINT": "{otlp}",
            "GEMINI_TELEMETRY_OTLP_PROTOCOL": "http",
            "GEMINI_TELEMETRY_LOG_PROMPTS": "false",
            "GEMINI_CLI_TRUST_WORKSPACE": "true",
        },
        {".gemini/settings.json": '{{"security": {{"auth": {{"selectedType": "gemini-api-key"}}}}}}'},
        "logs",
    ),
    "copilot": Agent(
        "@github/copilot-linux-x64/copilot",
        ("-p", PROMPT, "--allow-all-tools"),
        {
            **_OTLP,
            "COPILOT_OFFLINE": "true",
            "COPILOT_OTEL_ENABLED": "true",
            "COPILOT_PROVIDER_BASE_URL": "{openai}/v1",
            "COPILOT_PROVIDER_TYPE": "openai",
            "COPILOT_PROVIDER_API_KEY": "test-key",
            "COPILOT_MODEL": "gpt-5",
        },
    ),
}


def run(agent: Agent, modules: Path, home: Path, url_for: Callable[[str], str], otlp: str) -> None:
    """Run *agent* once with *home* as its home and folder; AssertionError with what it printed when it fails."""
    words = {
        "anthropic": url_for("api.anthropic.com"),
        "openai": url_for("api.openai.com"),
        "gemini": url_for("generativelanguage.googleapis.com"),
        "otlp": otlp,
    }
    for name, text in agent.files.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(**words), encoding="utf-8")
    program = modules / agent.program
    start = ["node", str(program)] if program.suffix == ".js" else [str(program)]
    done = subprocess.run(
        [*start, *agent.arguments],
        cwd=home,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            **{key: text.format(**words) for key, text in agent.env.items()},
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
