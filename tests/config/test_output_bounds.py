# SPDX-License-Identifier: Apache-2.0
"""The largest output of models, by the names that calls have."""

from __future__ import annotations

import pytest

from spancost.config import data
from spancost.config.output_bounds import output_bounds


@pytest.mark.parametrize(
    ("provider", "model", "tokens"),
    [
        ("openai", "gpt-4o", 16_384),
        ("openai", "gpt-4o-2024-08-06", 16_384),
        ("anthropic", "claude-sonnet-4-5-20250929", 64_000),
        ("aws.bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", 64_000),
        ("google", "gemini-2.5-flash", 65_536),
        ("openai", "a-model-that-nobody-knows", None),
        ("", "gpt-4o-2024-08-06", 16_384),  # through a gateway
        ("", "", None),
    ],
)
def test_the_largest_output_is_found_by_alias_and_dated_name(provider: str, model: str, tokens: int | None) -> None:
    largest = output_bounds(data.default_pricer())
    assert largest(provider, model) == tokens
    assert largest(provider, model) == tokens  # from memory
