# SPDX-License-Identifier: Apache-2.0
"""What a program does with LangGraph; one function a way of calling, named in matrix.json."""

from __future__ import annotations

from typing import Any

from langchain_anthropic import ChatAnthropic
from langchain_openai import ChatOpenAI
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from spancost.testing import ProviderServer, Reply, Scenario, ToolCall

KEY = "not-a-key"
ASK: Any = {"messages": [("user", "Where is order 7?")]}


def find_order(number: int) -> str:
    """Return the state of an order."""
    return f"order {number} was sent"


def openai_model(server: ProviderServer) -> Any:
    return ChatOpenAI(model="gpt-4.1-mini", api_key=KEY, base_url=f"{server.url}/v1", stream_usage=True)


def anthropic_model(server: ProviderServer) -> Any:
    return ChatAnthropic(model="claude-haiku-4-5", api_key=KEY, base_url=server.url)


def with_tools(model: Any) -> Any:
    bound = model.bind_tools([find_order])
    graph = StateGraph(MessagesState)
    graph.add_node("ask", lambda state: {"messages": [bound.invoke(state["messages"])]})
    graph.add_node("tools", ToolNode([find_order]))
    graph.add_edge(START, "ask")
    graph.add_conditional_edges("ask", tools_condition)
    graph.add_edge("tools", "ask")
    return graph.compile()


def calls_a_tool(server: ProviderServer) -> None:
    server.scenario = Scenario([Reply(tool_calls=(ToolCall("find_order", {"number": 7}),))])


def openai_tools(server: ProviderServer) -> None:
    calls_a_tool(server)
    with_tools(openai_model(server)).invoke(ASK)


def openai_tools_streamed(server: ProviderServer) -> None:
    calls_a_tool(server)
    for _ in with_tools(openai_model(server)).stream(ASK, stream_mode="messages"):
        pass


def anthropic_tools(server: ProviderServer) -> None:
    calls_a_tool(server)
    with_tools(anthropic_model(server)).invoke(ASK)


async def branches(server: ProviderServer) -> None:
    """Two providers are asked the same at the same time."""
    first, second = openai_model(server), anthropic_model(server)

    async def ask_first(state: MessagesState) -> Any:
        return {"messages": [await first.ainvoke(state["messages"])]}

    async def ask_second(state: MessagesState) -> Any:
        return {"messages": [await second.ainvoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    graph.add_node("first", ask_first)
    graph.add_node("second", ask_second)
    for node in ("first", "second"):
        graph.add_edge(START, node)
        graph.add_edge(node, END)
    await graph.compile().ainvoke(ASK)


async def same_twice(server: ProviderServer) -> None:
    """One model is asked the same twice at the same time: two calls with equal tokens."""
    model = openai_model(server)

    async def ask(state: MessagesState) -> Any:
        return {"messages": [await model.ainvoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    for node in ("left", "right"):
        graph.add_node(node, ask)
        graph.add_edge(START, node)
    await graph.compile().ainvoke(ASK)
