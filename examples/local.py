# SPDX-License-Identifier: Apache-2.0
"""Run an example with no key and no network: a provider and an OTLP receiver stand in on loopback.

    python examples/local.py python examples/existing_setup/main.py
    python examples/local.py examples/zero_code/run.sh

Prints what the example prints, then every span that arrived, with its cost.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from spancost.testing import OtlpReceiver, ProviderServer


def main(command: list[str]) -> int | str:
    """Run *command* against loopback servers; return its exit status, or why it could not be started."""
    if not command:
        return "found no command; expected one, as in: python examples/local.py python examples/existing_setup/main.py"
    with ProviderServer() as provider, OtlpReceiver() as receiver:
        environment = {
            **os.environ,
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
            "OPENAI_API_KEY": "local",
            "OPENAI_BASE_URL": f"{provider.url}/v1",
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
            "HONEYCOMB_API_KEY": "local",
        }
        try:
            status = subprocess.run(command, env=environment, check=False).returncode
        except OSError as error:
            return f"{command[0]}: {error.strerror}"
        for span in sorted(receiver.spans, key=lambda span: span.start_ns):
            cost = span.attributes.get("llm.request_cost_usd")
            total = span.attributes.get("llm.trace_cost_usd", span.attributes.get("llm.subtree_cost_usd"))
            print(f"{span.name:24} {amount(cost, 'costs')} {amount(total, 'in all')}".rstrip())
        return status


def amount(usd: float | None, label: str) -> str:
    """Return *usd* as text with its *label*, spaces when there is none."""
    return " " * 22 if usd is None else f"{label} ${usd:<14.9f}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
