# SPDX-License-Identifier: Apache-2.0
"""Faults of cost trackers that users reported in public, each as a call at a fixed day: right, or in doubt."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from spancost.cli import main

MILLION = 1_000_000
DAY = "2026-11-20T12:00:00Z"


def tokens(into: int, out: int = 0, **parts: int) -> dict[str, int]:
    return {"input_tokens": into, "output_tokens": out, **parts}


REPORTS: dict[str, tuple[dict[str, Any], str, str | None]] = {
    # call, status (or the reason of a doubt), cost in USD
    "priority of a dated name": (
        {"provider": "openai", "model": "gpt-4o-mini-2024-07-18", "service_tier": "priority", "usage": tokens(9, 2)},
        "priced",
        "0.00000425",
    ),
    "flex of a dated name": (
        {"provider": "openai", "model": "o4-mini-2025-04-16", "service_tier": "flex", "usage": tokens(MILLION)},
        "priced",
        "0.55",
    ),
    "a long prompt in a batch": (
        {"provider": "openai", "model": "gpt-5.4", "processing": "batch", "usage": tokens(300_000, 1000)},
        "priced",
        "0.76125",
    ),
    "a fine-tuned model": (
        {"provider": "openai", "model": "ft:gpt-4o-mini-2024-07-18:acme::id", "usage": tokens(MILLION, MILLION)},
        "priced",
        "1.5",
    ),
    "a fine-tuned model on flex": (
        {"provider": "openai", "model": "ft:gpt-4.1-2025-04-14:acme::id", "service_tier": "flex", "usage": tokens(1)},
        "no_tier_rate",
        "0.000003",
    ),
    "a fine-tuned deployment on Azure": (
        {"provider": "azure", "model": "gpt-4o-mini-2024-07-18.ft-0123456789abcdef", "usage": tokens(1)},
        "unknown_model",
        None,
    ),
    "a deployment whose type nothing tells": (
        {"provider": "azure", "model": "gpt-4o-mini", "usage": tokens(MILLION)},
        "assumed_fact:deployment_type",
        "0.15",
    ),
    "a free variant": (
        {"provider": "openrouter", "model": "deepseek/deepseek-r1:free", "usage": tokens(MILLION)},
        "free_rate",
        "0",
    ),
    "a variant that another provider serves": (
        {"provider": "openrouter", "model": "openai/gpt-4o:nitro", "usage": tokens(MILLION)},
        "unknown_model",
        None,
    ),
    "a router": ({"provider": "openrouter", "model": "openrouter/auto", "usage": tokens(1)}, "unknown_model", None),
    "a version behind an at sign, in a region": (
        {
            "provider": "gcp.vertex_ai",
            "model": "claude-sonnet-4-5@20250929",
            "context": {"vertex_location": "us-east5"},
            "usage": tokens(100_000),
        },
        "priced",
        "0.33",
    ),
    "an inference profile of a geography": (
        {
            "provider": "aws.bedrock",
            "model": "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "usage": tokens(100_000),
        },
        "priced",
        "0.33",
    ),
    "a global inference profile": (
        {
            "provider": "aws.bedrock",
            "model": "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "usage": tokens(100_000),
        },
        "priced",
        "0.3",
    ),
    "an application's inference profile": (
        {
            "provider": "aws.bedrock",
            "model": "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc",
            "usage": tokens(1),
        },
        "unknown_model",
        None,
    ),
    "writes for an hour in a batch": (
        {
            "provider": "anthropic",
            "model": "claude-sonnet-4-5",
            "processing": "batch",
            "usage": tokens(100_000, cache_write_tokens=100_000, cache_write_1h_tokens=100_000),
        },
        "priced",
        "0.3",
    ),
    "the long context written behind the name": (
        {"provider": "anthropic", "model": "claude-sonnet-4-5[1m]", "usage": tokens(100_000)},
        "priced",
        "0.3",
    ),
    "an image whose tokens are not told apart": (
        {"provider": "gemini", "model": "gemini-2.5-flash-image", "usage": tokens(10, 1290)},
        "part_not_reported:output_image_tokens",
        "0.003228",
    ),
    "speech whose tokens are not told apart": (
        {"provider": "openai", "model": "gpt-realtime", "usage": tokens(1000, 500)},
        "part_not_reported:output_audio_tokens",
        "0.012",
    ),
    "cached sound": (
        {
            "provider": "openai",
            "model": "gpt-realtime",
            "usage": tokens(
                1000,
                1000,
                input_audio_tokens=500,
                cache_read_tokens=400,
                cache_read_audio_tokens=300,
                output_audio_tokens=900,
            ),
        },
        "priced",
        "0.06736",
    ),
    "several searches of one prompt": (
        {"provider": "gemini", "model": "gemini-2.5-flash", "usage": tokens(0, 0, web_searches=5)},
        "priced",
        "0.035",
    ),
    "embeddings in a batch": (
        {"provider": "openai", "model": "text-embedding-3-small", "processing": "batch", "usage": tokens(MILLION)},
        "priced",
        "0.01",
    ),
    "seconds of sound": (
        {"provider": "openai", "model": "whisper-1", "usage": {"audio_seconds": 60}},
        "priced",
        "0.006",
    ),
    "another provider's model": (
        {"provider": "openai", "model": "anthropic/claude-3-haiku", "usage": tokens(1)},
        "unknown_model",
        None,
    ),
}


@pytest.mark.parametrize("report", REPORTS)
def test_a_reported_fault_does_not_occur(report: str) -> None:
    """The expected cost is worked out by hand from the provider's page; a doubt gives the usual rate and its reason."""
    call, expected, cost = REPORTS[report]
    done = CliRunner().invoke(main, ["price"], input=json.dumps({"id": report, "timestamp": DAY, **call}))
    found = json.loads(done.stdout)
    assert (found.get("reason") or found["status"], found["cost_usd"]) == (expected, cost)
