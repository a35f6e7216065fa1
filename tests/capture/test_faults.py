# SPDX-License-Identifier: Apache-2.0
"""Servers that stall, reset and redirect, through every library: what the caller sees is what it sees unwatched."""

from __future__ import annotations

import gc
import logging
from typing import Any

import pytest

from tests.capture.drivers import ASK, DRIVERS, PATH
from tests.capture.rude_server import RudeServer
from tests.capture.world import COST, World

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep botocore from talking to a metadata service."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


class Run:
    """What one request gave, its error, and the spans that ended."""

    def __init__(self, driver: str, manner: str, *, captured: bool = True, **options: Any) -> None:
        ask, provider = DRIVERS[driver]
        self.body, self.error = b"", ""
        with RudeServer(manner) as server:
            providers = {f"127.0.0.1:{server.port}": provider}
            self.world = World(providers=providers, **options) if captured else None
            try:
                self.body = ask(server.url, 0.3 if manner == "stalls" else 20)
            except Exception as error:
                self.error = type(error).__qualname__
            finally:
                gc.collect()
                if self.world is not None:
                    self.stats = dict(self.world.capture.stats)
                    self.world.capture.uninstrument()

    @property
    def only(self) -> dict[str, Any]:
        """Return the attributes of the one span."""
        assert self.world is not None
        return self.world.only


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("manner", ["stalls", "resets at once", "resets midway"])
def test_a_broken_answer_raises_as_ever_and_ends_its_span(driver: str, manner: str) -> None:
    """The exception is the library's own; the span names it, has no cost, and nothing of ours failed."""
    bare, seen = Run(driver, manner, captured=False), Run(driver, manner)
    assert seen.error == bare.error != ""
    assert seen.only["error.type"] == (seen.only["error.type"] if driver in _WRAPPED else seen.error)
    assert seen.only["llm.capture"] in {"no_usage", "error"}
    assert "llm.request_cost_usd" not in seen.only
    assert not [key for key in seen.stats if key.startswith("errors")], seen.stats


_WRAPPED = frozenset({"requests", "aiohttp", "botocore"})
"""Libraries that raise an error of their own out of the one that their transport raised, which is what is seen."""


@pytest.mark.parametrize("driver", [name for name in DRIVERS if name != "botocore"])
def test_a_redirect_is_one_call(driver: str) -> None:
    """What lies between the request and the final answer is one span, which has the cost."""
    bare, seen = Run(driver, "redirects", captured=False), Run(driver, "redirects")
    assert (seen.body, seen.error) == (bare.body, "")
    assert seen.only["llm.request_cost_usd"] == pytest.approx(COST, rel=1e-12)


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize(("manner", "estimates"), [("answers", False), ("resets midway", True)])
def test_nothing_private_is_exported_or_logged(
    driver: str, manner: str, estimates: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Planted prompts, answers, keys and header values are in no attribute, event, status, log line or counter."""
    with caplog.at_level(logging.DEBUG, logger="spancost"):
        run = Run(driver, manner, estimate_missing=estimates, include_usage=estimates)
    assert run.world is not None
    lines = [record.getMessage() for record in caplog.records if record.name.startswith(("spancost", "opentelemetry"))]
    everything = " ".join([*(span.to_json() for span in run.world.spans), *lines, *run.stats])
    assert len(run.world.spans) == 1
    assert "planted" not in everything


@pytest.mark.parametrize("driver", [name for name in DRIVERS if name != "botocore"])
def test_a_broken_stream_is_estimated_where_asked(driver: str) -> None:
    """Through every library, the text that came before the break is counted."""
    run = Run(driver, "resets midway", estimate_missing=True)
    assert (run.only["llm.cost_status"], run.only["llm.cost_reason"]) == ("estimated", "usage_from_text")
    assert run.only["llm.output_tokens"] == -(-len("planted-answer") // 4)
    assert run.only["llm.input_tokens"] > len(str(ASK["messages"])) / 4


def test_the_path_is_a_model_call() -> None:
    """The drivers ask where capture looks."""
    assert Run("httpx", "answers").only["llm.request_cost_usd"] == pytest.approx(COST, rel=1e-12)
    assert PATH.endswith("completions")
