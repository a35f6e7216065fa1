# SPDX-License-Identifier: Apache-2.0
"""What a program does with Agno, smolagents, DSPy, Qwen-Agent and LlamaIndex; named in matrix.json."""

from __future__ import annotations

from spancost.testing import ProviderServer, Reply, Scenario, ToolCall

KEY = "not-a-key"
MODEL = "gpt-4o-mini"
QUESTION = "Where is my order?"


def agno_run(server: ProviderServer) -> None:
    from agno.agent import Agent
    from agno.models.openai import OpenAIChat

    model = OpenAIChat(id=MODEL, api_key=KEY, base_url=f"{server.url}/v1")
    Agent(model=model, telemetry=False).run(QUESTION)


def agno_streamed(server: ProviderServer) -> None:
    from agno.agent import Agent
    from agno.models.openai import OpenAIChat

    model = OpenAIChat(id=MODEL, api_key=KEY, base_url=f"{server.url}/v1")
    for _ in Agent(model=model, telemetry=False).run(QUESTION, stream=True):
        pass


def smolagents_run(server: ProviderServer) -> None:
    from smolagents import OpenAIServerModel, ToolCallingAgent

    server.scenario = Scenario([Reply(tool_calls=(ToolCall("final_answer", {"answer": "sent"}),))])
    model = OpenAIServerModel(MODEL, api_base=f"{server.url}/v1", api_key=KEY)
    ToolCallingAgent(tools=[], model=model, verbosity_level=0, max_steps=2).run(QUESTION)


def dspy_call(server: ProviderServer) -> None:
    import dspy

    dspy.LM(f"openai/{MODEL}", api_base=f"{server.url}/v1", api_key=KEY, cache=False)(QUESTION)


def dspy_cache_hit(server: ProviderServer) -> None:
    """DSPy answers the second call itself."""
    import dspy

    dspy.configure_cache(enable_disk_cache=False, enable_memory_cache=True)
    model = dspy.LM(f"openai/{MODEL}", api_base=f"{server.url}/v1", api_key=KEY)
    for _ in range(2):
        model(QUESTION)


def qwen_agent_run(server: ProviderServer) -> None:
    from qwen_agent.agents import Assistant

    served = {"model": MODEL, "model_type": "oai", "model_server": f"{server.url}/v1", "api_key": KEY}
    for _ in Assistant(llm=served).run([{"role": "user", "content": QUESTION}]):
        pass


def llama_index_chat(server: ProviderServer) -> None:
    from llama_index.core.llms import ChatMessage
    from llama_index.llms.openai import OpenAI

    made = OpenAI(model=MODEL, api_key=KEY, api_base=f"{server.url}/v1")
    made.chat([ChatMessage(role="user", content=QUESTION)])


def llama_index_stream(server: ProviderServer) -> None:
    from llama_index.core.llms import ChatMessage
    from llama_index.llms.openai import OpenAI

    options = {"stream_options": {"include_usage": True}}
    made = OpenAI(model=MODEL, api_key=KEY, api_base=f"{server.url}/v1", additional_kwargs=options)
    for _ in made.stream_chat([ChatMessage(role="user", content=QUESTION)]):
        pass
