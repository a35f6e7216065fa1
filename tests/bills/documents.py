# SPDX-License-Identifier: Apache-2.0
"""One small bill of each documented spelling, with invented figures, and what it means."""

# ruff: noqa: E501 (the documents are as long as the exports are)
from __future__ import annotations

from typing import NamedTuple

COSTS = """{"object": "page", "has_more": false, "next_page": null, "data": [
 {"object": "bucket", "start_time": 1795046400, "end_time": 1795132800, "results": [
  {"object": "organization.costs.result", "amount": {"value": 0.06, "currency": "usd"},
   "line_item": "gpt-4o-mini-2024-07-18, input", "project_id": "proj_a", "quantity": 400, "quantity_unit": "1000_tokens"},
  {"object": "organization.costs.result", "amount": {"value": 1.5e-2, "currency": "usd"},
   "line_item": "gpt-5.6-luna, cached input", "project_id": null},
  {"object": "organization.costs.result", "amount": {"value": 2, "currency": "usd"}, "line_item": "gpt-4o, output_tokens"},
  {"object": "organization.costs.result", "amount": {"value": -5, "currency": "usd"}, "line_item": "promotional credit",
   "quantity": null}]},
 {"object": "bucket", "start_time": 1795132800, "end_time": 1795219200, "results": []}]}"""
COSTS_CSV = """start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,quantity,quantity_unit,line_item,\
user_id,api_key_id,project_id,organization_id,project_name,organization_name,user_email,api_source
1795046400,1795132800,2026-11-19T00:00:00+00:00,2026-11-20T00:00:00+00:00,0.3,usd,2000000,tokens,"gpt-4o-mini, Input",\
,,proj_a,org_a,A,O,,
"""
USAGE = """{"data": [{"object": "bucket", "start_time": 1795046400, "end_time": 1795132800, "results": [
 {"object": "organization.usage.completions.result", "input_tokens": 1000, "input_cached_tokens": 600, "output_tokens": 50,
  "num_model_requests": 3, "model": "gpt-4o-mini-2024-07-18", "project_id": "proj_a", "batch": true,
  "service_tier": null}]}]}"""
ANALYTICS_COST = """{"data": [{"starting_at": "2026-11-19T00:00:00Z", "ending_at": "2026-11-20T00:00:00Z",
 "group": {"model": "claude-haiku-4-5", "token_type": "cache_creation.ephemeral_1h_input_tokens", "cost_type": "tokens",
  "service_tier": "batch", "context_window": "200k-1M", "workspace_id": "w"},
 "cost": {"amount": "123.4500000001", "list_amount": "150", "currency": "USD", "requests": null}}]}"""
ANALYTICS_USAGE = """{"data": [{"starting_at": "2026-11-19T00:00:00Z", "ending_at": "2026-11-20T00:00:00Z",
 "group": {"model": "claude-haiku-4-5"}, "usage": {"uncached_input_tokens": 10, "cache_read_input_tokens": 20,
 "cache_creation": {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 40}, "output_tokens": 5,
 "server_tool_use": {"web_search_requests": 2}, "requests": 1}}]}"""
COST_REPORT = """{"data": [{"starting_at": "2026-11-19T00:00:00Z", "ending_at": "2026-11-20T00:00:00Z", "results": [
 {"amount": "250", "currency": "USD", "description": "Claude Sonnet 4.5 Usage - Output Tokens", "workspace_id": null}]}]}"""
CONSOLE_USAGE = """\ufeffusage_date_utc,model_version,api_key,workspace,usage_type,context_window,usage_input_tokens_no_cache,\
usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,usage_output_tokens,\
web_search_count,inference_geo,speed
2026-11-19,claude-haiku-4-5-20251001,sk-…a1,Default,standard,≤ 200k,1000,0,7,5000,200,1,global,standard
"""
CONSOLE_COST = """usage_date_utc,model,workspace,api_key,usage_type,context_window,token_type,cost_usd,list_price_usd,cost_type,\
inference_geo,speed,api_key_id,api_key_status
2026-11-19,Claude Haiku 4.5,Default,k,message,≤ 200k,input_no_cache,0.01,0.01,token_usage,global,,id,active
"""
OPENROUTER = """{"data": [{"date": "2026-11-19", "model": "openai/gpt-4o-mini", "model_permaslug": "openai/gpt-4o-mini",
 "endpoint_id": "e", "provider_name": "OpenAI", "usage": 0.015, "byok_usage_inference": 0, "requests": 5,
 "prompt_tokens": 1000, "completion_tokens": 100, "reasoning_tokens": 0, "cached_tokens": 400}]}"""
DEEPSEEK = """\ufeffuser_id,utc_date,model,api_key_name,api_key,type,price,amount
u,20261119,deepseek-chat,k,sk-***,input_cache_miss_tokens,0.000002,1000000
u,20261119,deepseek-chat,k,sk-***,request_count,0,12
"""
TOGETHER = """{"data": [{"start_time": "2026-11-19T00:00:00Z", "end_time": "2026-11-20T00:00:00Z", "line_items": [
 {"product_name": "meta-llama/Llama-3.3-70B-Instruct-Turbo Input", "quantity": "2", "unit": "1m_tokens",
  "unit_price": "0.88", "cost": "1.76", "pricing_dimensions": {}, "attributes": {}}]}]}"""
CUR = """line_item_usage_type,line_item_product_code,line_item_usage_start_date,line_item_usage_end_date,\
line_item_usage_account_id,line_item_usage_amount,pricing_unit,line_item_unblended_cost,line_item_currency_code,\
line_item_line_item_type,product_product_name
USE1-Claude4.5Sonnet-input-tokens,AmazonBedrock,2026-11-19T00:00:00Z,2026-11-19T01:00:00Z,111,12,1K tokens,0.036,USD,Usage,Amazon Bedrock
USE1-MP:USE1_OutputTokenCount_Global-Units,AmazonBedrockFoundationModels,2026-11-19T00:00:00Z,2026-11-19T01:00:00Z,111,0.002,Units,0.03,USD,Usage,Claude Sonnet 4.5 (Amazon Bedrock Edition)
USE1-BoxUsage:t3.micro,AmazonEC2,2026-11-19T00:00:00Z,2026-11-19T01:00:00Z,111,1,Hrs,0.01,USD,Usage,Amazon Elastic Compute Cloud
"""
AZURE = """Date,SubscriptionId,ResourceGroup,MeterCategory,MeterName,Quantity,UnitOfMeasure,CostInBillingCurrency,\
BillingCurrency,ChargeType
2026-11-19,sub,rg,Azure OpenAI,gpt 4o 1120 Inp glbl Tokens,5,1K,0.0125,USD,Usage
2026-11-19,sub,rg,Azure OpenAI,gpt 4o 1120 cached Inp glbl Tokens,5,1K,0.00625,USD,Usage
"""
GCP = """service.description,sku.description,usage_start_time,usage_end_time,usage.amount,usage.unit,cost,currency,cost_type,\
billing_account_id
Gemini API,Generate content input token count gemini 2.5 flash text,2026-11-19T00:00:00Z,2026-11-20T00:00:00Z,1000,count,\
0.0003,USD,regular,b
"""
FOCUS = """BillingAccountId,BilledCost,ListCost,BillingCurrency,ChargeCategory,ChargePeriodStart,ChargePeriodEnd,ProviderName,\
ConsumedQuantity,ConsumedUnit,SkuMeter,x_Model
acct,0.25,0.3,USD,Usage,2026-11-19T00:00:00Z,2026-11-20T00:00:00Z,OpenAI,100.0,Tokens,output_tokens,gpt-4o
"""
LITELLM = """request_id,call_type,spend,prompt_tokens,completion_tokens,startTime,endTime,model,custom_llm_provider,api_key
r1,acompletion,0.0015,1000,100,2026-11-19 10:00:00,2026-11-19 10:00:02,gpt-4o-mini,openai,hash
"""


class Case(NamedTuple):
    """A document; its form; its lines as (model, meter, tier, quantity, amount, category)."""

    name: str
    text: str
    source: str
    lines: tuple[tuple[str | None, str | None, str | None, str | None, str | None, str], ...]


U = "usage"
CASES = (
    Case(
        "costs.json", COSTS, "openai_costs",
        (
            ("gpt-4o-mini", "uncached_input_tokens", None, "400000", "0.06", U),
            ("gpt-5.6-luna", "cache_read_tokens", None, None, "0.015", U),
            ("gpt-4o", "output_tokens", None, None, "2", U),
            (None, None, None, None, "-5", "credit"),
        ),
    ),
    Case("costs.csv", COSTS_CSV, "openai_costs_csv", (("gpt-4o-mini", "uncached_input_tokens", None, "2000000", "0.3", U),)),
    Case(
        "usage.json", USAGE, "openai_usage_completions",
        (
            ("gpt-4o-mini", "uncached_input_tokens", "batch", "400", None, U),
            ("gpt-4o-mini", "cache_read_tokens", "batch", "600", None, U),
            ("gpt-4o-mini", "output_tokens", "batch", "50", None, U),
            ("gpt-4o-mini", "requests", "batch", "3", None, U),
        ),
    ),
    Case(
        "analytics_cost.json", ANALYTICS_COST, "anthropic_analytics_cost",
        (("claude-haiku-4-5", "cache_write_1h_tokens", "batch", None, "1.234500000001", U),),
    ),
    Case(
        "analytics_usage.json", ANALYTICS_USAGE, "anthropic_analytics_usage",
        tuple(
            ("claude-haiku-4-5", meter, None, quantity, None, U)
            for meter, quantity in (
                ("uncached_input_tokens", "10"), ("cache_read_tokens", "20"), ("cache_write_5m_tokens", "30"),
                ("cache_write_1h_tokens", "40"), ("output_tokens", "5"), ("web_searches", "2"), ("requests", "1"),
            )
        ),
    ),
    Case(
        "cost_report.json", COST_REPORT, "anthropic_cost_report",
        (("claude-sonnet-4-5", "output_tokens", None, None, "2.5", U),),
    ),
    Case(
        "console_usage.csv", CONSOLE_USAGE, "anthropic_console_usage",
        tuple(
            ("claude-haiku-4-5", meter, None, quantity, None, U)
            for meter, quantity in (
                ("uncached_input_tokens", "1000"), ("cache_write_1h_tokens", "7"), ("cache_read_tokens", "5000"),
                ("output_tokens", "200"), ("web_searches", "1"),
            )
        ),
    ),
    Case(
        "console_cost.csv", CONSOLE_COST, "anthropic_console_cost",
        (("claude-haiku-4-5", "uncached_input_tokens", None, None, "0.01", U),),
    ),
    Case(
        "openrouter.json", OPENROUTER, "openrouter_activity",
        (
            ("openai/gpt-4o-mini", "all", None, None, "0.015", U),
            ("openai/gpt-4o-mini", "uncached_input_tokens", None, "600", None, U),
            ("openai/gpt-4o-mini", "cache_read_tokens", None, "400", None, U),
            ("openai/gpt-4o-mini", "output_tokens", None, "100", None, U),
            ("openai/gpt-4o-mini", "requests", None, "5", None, U),
        ),
    ),
    Case(
        "deepseek.csv", DEEPSEEK, "deepseek_amount",
        (
            ("deepseek-chat", "uncached_input_tokens", None, "1000000", "2", U),
            ("deepseek-chat", "requests", None, "12", "0", U),
        ),
    ),
    Case(
        "together.json", TOGETHER, "together_usage",
        (("meta-llama/llama-3.3-70b-instruct-turbo", "uncached_input_tokens", None, "2000000", "1.76", U),),
    ),
    Case("cur.csv", CUR, "aws_cur", (("claude-sonnet-4-5", "uncached_input_tokens", None, "12000", "0.036", U), ("claude-sonnet-4-5", "output_tokens", None, "2000", "0.03", U))),
    Case(
        "azure.csv", AZURE, "azure_export",
        (
            ("gpt-4o", "uncached_input_tokens", None, "5000", "0.0125", U),
            ("gpt-4o", "cache_read_tokens", None, "5000", "0.00625", U),
        ),
    ),
    Case("gcp.csv", GCP, "gcp_billing", (("gemini-2.5-flash", "uncached_input_tokens", None, "1000", "0.0003", U),)),
    Case("focus.csv", FOCUS, "focus", (("gpt-4o", "output_tokens", None, "100", "0.25", U),)),
    Case(
        "litellm.csv", LITELLM, "litellm_spend_logs",
        (
            ("gpt-4o-mini", "all", None, None, "0.0015", U),
            ("gpt-4o-mini", "input_tokens", None, "1000", None, U),
            ("gpt-4o-mini", "output_tokens", None, "100", None, U),
            ("gpt-4o-mini", "requests", None, "1", None, U),
        ),
    ),
)  # fmt: skip
