# SPDX-License-Identifier: Apache-2.0
"""What an import costs, in CPU time and resident memory: every sample is a fresh process.

The bytecode of all modules is written before, as an installer writes it: a process that compiles the sources first
takes twice as long, and only once.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys

SDK = "import opentelemetry.sdk.trace, opentelemetry.sdk.trace.export"

SUBJECTS: dict[str, tuple[str, str]] = {
    "opentelemetry-sdk": ("", SDK),
    "import spancost": (SDK, "import spancost"),
    "LLMCostProcessor(), ready": (
        SDK,
        "from spancost import LLMCostProcessor; p = LLMCostProcessor()\n"
        "from opentelemetry.sdk.trace import TracerProvider; t = TracerProvider(shutdown_on_exit=False)\n"
        "t.add_span_processor(p); s = t.get_tracer('x').start_span('chat gpt-4o')\n"
        "s.set_attributes({'gen_ai.operation.name': 'chat', 'gen_ai.provider.name': 'openai', "
        "'gen_ai.request.model': 'gpt-4o', 'gen_ai.usage.input_tokens': 12, 'gen_ai.usage.output_tokens': 3})\n"
        "s.end(); assert s.attributes['llm.request_cost_usd'] > 0",
    ),
    "genai-prices, first price": (
        "",
        "from genai_prices import Usage, calc_price\n"
        "calc_price(Usage(input_tokens=12, output_tokens=3), 'gpt-4o', provider_id='openai')",
    ),
    "litellm, first price": (
        "",
        "import litellm\nlitellm.cost_per_token('gpt-4o', 12, 3, custom_llm_provider='openai')",
    ),
    "tokencost, first price": ("", "import tokencost\ntokencost.calculate_cost_by_tokens(12, 'gpt-4o', 'input')"),
    "openlit, its price helpers": ("", "import openlit.__helpers"),
}
"""Name: what is imported before the clock starts, and what is measured."""

_PROBE = """
import json, time
def resident():
    with open('/proc/self/statm') as f:
        return int(f.read().split()[1]) * __import__('os').sysconf('SC_PAGE_SIZE')
import os
{before}
memory, started, cpu = resident(), time.perf_counter(), time.process_time()
{subject}
print(json.dumps([(time.perf_counter() - started) * 1e3, (time.process_time() - cpu) * 1e3,
                  (resident() - memory) / 2**20]))
"""


def measure(rounds: int) -> dict[str, dict[str, float]]:
    """Return for each subject the median ms (wall and CPU) and MiB of resident memory it adds."""
    samples: dict[str, list[list[float]]] = {name: [] for name in SUBJECTS}
    for before, subject in SUBJECTS.values():
        _sample(before, subject)
    for _ in range(rounds):
        for name, (before, subject) in SUBJECTS.items():
            samples[name].append(_sample(before, subject))
    return {
        name: dict(zip(("wall_ms", "cpu_ms", "mib"), _medians(rows), strict=True)) for name, rows in samples.items()
    }


def _medians(rows: list[list[float]]) -> list[float]:
    return [statistics.median(column) for column in zip(*rows, strict=True)]


def _sample(before: str, subject: str) -> list[float]:
    probe = _PROBE.format(before=before, subject=subject)
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False, env=kept)
    if done.returncode:
        raise RuntimeError(f"{subject!r} failed in a fresh process: {done.stderr.strip().splitlines()[-1]}")
    sample: list[float] = json.loads(done.stdout.splitlines()[-1])
    return sample
