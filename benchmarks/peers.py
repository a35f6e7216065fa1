# SPDX-License-Identifier: Apache-2.0
"""What each peer says one call costs, asked in the way that suits it best.

Peers are given their own provider ids, not ours, and every fact their interface has room for; a peer loses a case only
when it does not know the price or the rule.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

Case: TypeAlias = "Mapping[str, Any]"
Answer: TypeAlias = "float | None"
"""USD, or None when the peer says that it has no price."""

_GENAI_IDS = {
    "gcp.gemini": "google", "gcp.vertex_ai": "google", "aws.bedrock": "aws", "azure.ai.openai": "azure", "x_ai": "x-ai",
}  # fmt: skip
_LITELLM_IDS = {
    "gcp.gemini": "gemini", "gcp.vertex_ai": "vertex_ai", "aws.bedrock": "bedrock", "azure.ai.openai": "azure",
    "x_ai": "xai", "cohere": "cohere_chat",
}  # fmt: skip
_GENAI_CONTEXT = {"service_tier": "service_tier", "processing": "processing"}


def spancost() -> Callable[[Case], Answer]:
    from spancost.config.data import default_card
    from spancost.core.call import Call
    from spancost.core.money import usd_float
    from spancost.core.pricing.price import Pricer

    price = Pricer(default_card()).price

    def answer(case: Case) -> Answer:
        cost = price(
            Call(
                provider=case["provider"],
                model=case["model"],
                usage=case["usage"],
                at_ns=int(_moment(case).timestamp()) * 10**9,
                operation=case.get("operation"),
                service_tier=case.get("service_tier"),
                processing=case.get("processing"),
                context=case.get("context"),
            )
        )
        return None if cost.femto is None else usd_float(cost.femto)

    return answer


def genai_prices() -> Callable[[Case], Answer]:
    from genai_prices import Usage, calc_price

    def answer(case: Case) -> Answer:
        provider = _GENAI_IDS.get(case["provider"], case["provider"])
        context = {key: case[name] for name, key in _GENAI_CONTEXT.items() if name in case}
        usage = {key: value for key, value in case["usage"].items() if key != "reasoning_tokens"}
        if "reasoning_tokens" in case["usage"]:
            usage["output_reasoning_tokens"] = case["usage"]["reasoning_tokens"]
        try:
            priced = calc_price(
                Usage(**usage),
                case["model"],
                provider_id=provider,
                genai_request_timestamp=_moment(case),
                price_context={**context, **case.get("context", {})},
            )
        except LookupError:
            return None
        return float(priced.total_price)

    return answer


def litellm() -> Callable[[Case], Answer]:
    import litellm as package
    from litellm.cost_calculator import batch_cost_calculator
    from litellm.llms import get_cost_for_web_search_request

    package.suppress_debug_info = True
    litellm_usage = litellm_usages()

    def answer(case: Case) -> Answer:
        provider = _LITELLM_IDS.get(case["provider"], case["provider"])
        usage = litellm_usage(case["usage"], case.get("context", {}))
        embedding = case.get("operation") == "embeddings"
        try:
            if case.get("processing") == "batch":
                return sum(batch_cost_calculator(usage, case["model"], provider))
            prompt, completion = package.cost_per_token(
                model=case["model"],
                custom_llm_provider=provider,
                usage_object=usage,
                prompt_tokens=usage.prompt_tokens,
                completion_tokens=usage.completion_tokens,
                call_type="embedding" if embedding else "completion",
                service_tier=case.get("service_tier"),
            )
            searches = 0.0
            if case["usage"].get("web_searches"):
                model = package.get_model_info(case["model"], provider)
                searches = get_cost_for_web_search_request(provider, usage, model) or 0.0
        except package.exceptions.ModelNotMappedError:
            return None
        return float(prompt + completion + searches)

    return answer


def litellm_usages() -> Callable[[Mapping[str, int], Mapping[str, str]], Any]:
    """Return a maker of litellm's own usage object from our meters."""
    from litellm.types.utils import CompletionTokensDetailsWrapper, PromptTokensDetailsWrapper, ServerToolUse, Usage

    def make(meters: Mapping[str, int], context: Mapping[str, str]) -> Any:
        prompt, completion = meters.get("input_tokens", 0), meters.get("output_tokens", 0)
        written = meters.get("cache_write_tokens", 0)
        one_hour = meters.get("cache_write_1h_tokens", 0)
        extra: dict[str, Any] = {}
        if written:
            extra["cache_creation_input_tokens"] = written
        if meters.get("cache_read_tokens"):
            extra["cache_read_input_tokens"] = meters["cache_read_tokens"]
        if meters.get("web_searches"):
            extra["server_tool_use"] = ServerToolUse(web_search_requests=meters["web_searches"])
        details = PromptTokensDetailsWrapper(
            cached_tokens=meters.get("cache_read_tokens", 0),
            audio_tokens=meters.get("input_audio_tokens", 0),
            cache_creation_tokens=written,
            cache_creation_token_details={
                "ephemeral_5m_input_tokens": written - one_hour,
                "ephemeral_1h_input_tokens": one_hour,
            }
            if written
            else None,
        )
        usage = Usage(
            prompt_tokens=prompt,
            completion_tokens=completion,
            total_tokens=prompt + completion,
            prompt_tokens_details=details,
            completion_tokens_details=CompletionTokensDetailsWrapper(
                reasoning_tokens=meters.get("reasoning_tokens", 0), audio_tokens=meters.get("output_audio_tokens", 0)
            ),
            **extra,
        )
        for key in ("inference_geo", "speed"):
            if key in context:
                setattr(usage, key, context[key])
        return usage

    return make


def tokencost() -> Callable[[Case], Answer]:
    from tokencost import calculate_cost_by_tokens

    def answer(case: Case) -> Answer:
        usage = case["usage"]
        read = usage.get("cache_read_tokens", 0)
        try:
            cost = calculate_cost_by_tokens(usage.get("input_tokens", 0) - read, case["model"], "input")
            cost += calculate_cost_by_tokens(usage.get("output_tokens", 0), case["model"], "output")
            if read:
                cost += calculate_cost_by_tokens(read, case["model"], "cached")
        except KeyError:
            return None
        return float(cost)

    return answer


def openlit(prices: Path) -> Callable[[Case], Answer]:
    import openlit.__helpers as helpers

    table = json.loads(prices.read_text(encoding="utf-8"))

    def answer(case: Case) -> Answer:
        usage = case["usage"]
        if case.get("operation") == "embeddings":
            return float(helpers.get_embed_model_cost(case["model"], table, usage["input_tokens"]))
        return float(
            helpers.get_chat_model_cost(
                case["model"],
                table,
                usage.get("input_tokens", 0),
                usage.get("output_tokens", 0),
                usage.get("cache_read_tokens", 0),
                usage.get("cache_write_tokens", 0),
                True,
            )
        )

    return answer


def _moment(case: Case) -> datetime:
    return datetime.fromisoformat(case["timestamp"].replace("Z", "+00:00"))
