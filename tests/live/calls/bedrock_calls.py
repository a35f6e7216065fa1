# SPDX-License-Identifier: Apache-2.0
"""What a program does with Bedrock through boto3; one function a way of calling, named in matrix.json."""

from __future__ import annotations

import json
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from spancost.testing import ProviderServer, Reply, Scenario

MODEL = "global.anthropic.claude-haiku-4-5-20251001-v1:0"
SAY = [{"role": "user", "content": [{"text": "Where is my order?"}]}]
LONG = "You help the customers of a small shop. " * 200
SYSTEM = [{"text": LONG}, {"cachePoint": {"type": "default"}}]
BODY = json.dumps(
    {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 99,
        "messages": [{"role": "user", "content": "Where is my order?"}],
    }
)


def client(server: ProviderServer) -> Any:
    return boto3.client(
        "bedrock-runtime",
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id="not-a-key",
        aws_secret_access_key="not-a-key",
        config=Config(retries={"total_max_attempts": 1}),
    )


def converse(server: ProviderServer) -> None:
    client(server).converse(modelId=MODEL, messages=SAY)


def converse_cached(server: ProviderServer) -> None:
    """The first call writes to the cache, which no instrumentation tells for how long."""
    made = client(server)
    for _ in range(2):
        made.converse(modelId=MODEL, messages=SAY, system=SYSTEM)


def converse_stream(server: ProviderServer) -> None:
    for _ in client(server).converse_stream(modelId=MODEL, messages=SAY)["stream"]:
        pass


def converse_stream_left(server: ProviderServer) -> None:
    for _ in client(server).converse_stream(modelId=MODEL, messages=SAY)["stream"]:
        break


def invoke(server: ProviderServer) -> None:
    client(server).invoke_model(modelId=MODEL, body=BODY)["body"].read()


def invoke_stream(server: ProviderServer) -> None:
    for _ in client(server).invoke_model_with_response_stream(modelId=MODEL, body=BODY)["body"]:
        pass


def invoke_stream_left(server: ProviderServer) -> None:
    for _ in client(server).invoke_model_with_response_stream(modelId=MODEL, body=BODY)["body"]:
        break


def during_stream(server: ProviderServer) -> None:
    made = client(server)
    for number, _ in enumerate(made.converse_stream(modelId=MODEL, messages=SAY)["stream"]):
        if number == 0:
            made.converse(modelId=MODEL, messages=[{"role": "user", "content": [{"text": "What did it cost?"}]}])


def failed(server: ProviderServer) -> None:
    server.scenario = Scenario([Reply(status=400, error="boom")])
    try:
        client(server).converse(modelId=MODEL, messages=SAY)
    except ClientError:
        return
    raise AssertionError("the server answered 400 and the client did not say so")
