# SPDX-License-Identifier: Apache-2.0
"""A program without a line of telemetry in it; `run.sh` puts spans and costs around it from outside."""

from __future__ import annotations

from openai import OpenAI

completion = OpenAI().chat.completions.create(
    model="gpt-4o-mini",
    messages=[{"role": "user", "content": "Name a river in one word."}],
)
print(completion.choices[0].message.content)
