# SPDX-License-Identifier: Apache-2.0
"""What turns tracing on where no OpenTelemetry instrumentor does; named in matrix.json, each called once a process.

A provider is made from a receiver; everything else takes the provider that the spans are to go through.
"""

from __future__ import annotations

import os
import tempfile
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from spancost import LLMCostProcessor
from spancost.testing import OtlpReceiver


def logfire_provider(receiver: OtlpReceiver) -> Any:
    """Logfire makes the provider itself, takes processors, and exports to where the environment says."""
    import logfire

    logfire.configure(
        send_to_logfire=False, console=False, metrics=False, additional_span_processors=[LLMCostProcessor()]
    )
    return trace.get_tracer_provider()


def logfire_openai(provider: TracerProvider) -> None:
    import logfire

    logfire.instrument_openai()


def logfire_anthropic(provider: TracerProvider) -> None:
    import logfire

    logfire.instrument_anthropic()


def logfire_pydantic_ai(provider: TracerProvider) -> None:
    import logfire

    logfire.instrument_pydantic_ai()


def logfire_openai_agents(provider: TracerProvider) -> None:
    import logfire

    logfire.instrument_openai_agents()


def pydantic_ai(provider: TracerProvider) -> None:
    from pydantic_ai import Agent, InstrumentationSettings
    from pydantic_ai.embeddings import Embedder

    Agent.instrument_all(InstrumentationSettings(tracer_provider=provider))
    Embedder.instrument_all(InstrumentationSettings(tracer_provider=provider))


def openinference_pydantic_ai(provider: TracerProvider) -> None:
    """OpenInference rewrites what Pydantic AI says."""
    from openinference.instrumentation.pydantic_ai import OpenInferenceSpanProcessor

    provider.add_span_processor(OpenInferenceSpanProcessor())


def litellm(provider: TracerProvider) -> None:
    import litellm
    from litellm.integrations.opentelemetry import OpenTelemetry, OpenTelemetryConfig

    config = OpenTelemetryConfig(exporter=InMemorySpanExporter())
    litellm.callbacks = [OpenTelemetry(config=config, tracer_provider=provider)]


def openlit(provider: TracerProvider) -> None:
    import openlit

    openlit.init(disable_metrics=True, disable_events=True, disabled_instrumentors=["httpx", "requests", "urllib3"])


def langfuse(provider: TracerProvider) -> None:
    """Langfuse's own export stays here; its OpenAI wrapper patches the client as it is imported."""
    from langfuse import Langfuse

    Langfuse(
        public_key="pk-not-a-key",
        secret_key="not-a-key",
        tracer_provider=provider,
        span_exporter=InMemorySpanExporter(),
    )
    import langfuse.openai  # noqa: F401


_HANDLER: ContextVar[Any] = ContextVar("langfuse_handler", default=None)


def langfuse_langchain(provider: TracerProvider) -> None:
    """Give Langfuse's handler to every run of LangChain."""
    from langchain_core.tracers.context import register_configure_hook
    from langfuse import Langfuse
    from langfuse.langchain import CallbackHandler

    Langfuse(
        public_key="pk-not-a-key",
        secret_key="not-a-key",
        tracer_provider=provider,
        span_exporter=InMemorySpanExporter(),
    )
    _HANDLER.set(CallbackHandler(public_key="pk-not-a-key"))
    register_configure_hook(_HANDLER, inheritable=True)


def mlflow_provider(receiver: OtlpReceiver) -> Any:
    """MLflow makes the provider, which the application shares, and exports to where the environment says."""
    os.environ["MLFLOW_USE_DEFAULT_TRACER_PROVIDER"] = "false"
    import mlflow
    from mlflow.tracing.provider import get_bridged_tracer_provider

    mlflow.set_tracking_uri(Path(tempfile.mkdtemp()).as_uri())
    provider = get_bridged_tracer_provider()
    provider.add_span_processor(LLMCostProcessor())
    return provider


def mlflow_openai(provider: TracerProvider) -> None:
    import mlflow

    mlflow.openai.autolog()


def mlflow_anthropic(provider: TracerProvider) -> None:
    import mlflow

    mlflow.anthropic.autolog()


def mlflow_langchain(provider: TracerProvider) -> None:
    import mlflow

    mlflow.langchain.autolog()
