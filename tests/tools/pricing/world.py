# SPDX-License-Identifier: Apache-2.0
"""A folder of prices of its own, and the command run on it as a person would."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from click.testing import CliRunner

from tests.repository import ROOT
from tools.pricing.maintain import main

RECORDED = Path(__file__).parent / "recorded"
DAY = "2026-12-15"


class Result(NamedTuple):
    """The output of a run."""

    code: int
    text: str

    @property
    def reasons(self) -> set[str]:
        """Reasons explained at the end: those that a row has."""
        return {line.split("`")[1] for line in self.text.splitlines() if line.startswith("- `")}


class World:
    """`pricing/` in a folder; sources that are not about providers are the project's."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.pricing = folder, folder / "pricing"
        shutil.copytree(RECORDED / "card", self.pricing)
        for name in ("units.yaml", "names.yaml", "calendars.yaml"):
            shutil.copy(ROOT / "pricing" / name, self.pricing)

    def run(self, *arguments: str) -> Result:
        """Run the command on this folder."""
        command, *rest = arguments
        result = CliRunner().invoke(main, [command, "--pricing", str(self.pricing), *rest])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Result(result.exit_code, result.output)

    def propose(self, *catalogues: Path, day: str = DAY, extra: tuple[str, ...] = ()) -> Result:
        """Run `propose` on files of catalogues."""
        return self.run("propose", *map(str, catalogues), "--day", day, *extra)

    def provider(self, name: str) -> str:
        """Return the text of a provider's file."""
        return (self.pricing / "providers" / f"{name}.yaml").read_text(encoding="utf-8")

    def write(self, relative: str, text: str) -> None:
        """Replace a file of the folder."""
        (self.pricing / relative).write_text(text, encoding="utf-8")


class OneModel(World):
    """The provider openai with the model m at 2 (cached 0.5) and 8 in both catalogues; then they change."""

    ENTRY = """\
# SPDX-License-Identifier: Apache-2.0
provider: openai
sources:
  s1: "https://example.com/prices"
models:
  m:
    names: [m-also]
    prices:
      - from: launch
        rates: {input_tokens: 2, cache_read_tokens: 0.5, output_tokens: 8}
        source: s1
        checked: 2026-11-21
        basis: two_catalogues
"""
    GENAI: ClassVar = {"input_mtok": "2", "cache_read_mtok": "0.5", "output_mtok": "8"}
    LITELLM: ClassVar = {
        "input_cost_per_token": 2e-6,
        "cache_read_input_token_cost": 5e-7,
        "output_cost_per_token": 8e-6,
    }

    def __init__(self, folder: Path, entry: str = ENTRY) -> None:
        super().__init__(folder)
        (self.pricing / "providers" / "mistral_ai.yaml").unlink()
        self.write("providers/openai.yaml", entry)
        self.write("imports/decisions.yaml", "decisions: []\n")
        self.lock()

    def lock(self, genai: Any = None, litellm: Any = None) -> None:
        """Lock the catalogues; by default with the prices of the card."""
        files = self.catalogues(genai, {"m": self.LITELLM} if litellm is None else litellm)
        assert self.run("lock", *map(str, files)).code == 0

    def catalogues(self, genai: Any = None, litellm: Any = None) -> list[Path]:
        """Write files: *genai* the prices of m (or whole models), *litellm* rows."""
        prices = self.GENAI if genai is None else genai
        models = prices if isinstance(prices, dict) and "models" in prices else {"models": [self.model("m", prices)]}
        rows = {} if litellm is None else litellm
        whole = {
            "genai-prices": [{"id": "openai", "pricing_urls": ["https://example.com/prices"], **models}],
            "litellm": {name: {"litellm_provider": "openai", "mode": "chat", **row} for name, row in rows.items()},
        }
        for name, content in whole.items():
            text = json.dumps({"catalogue": name, "version": "9", "content": content})
            (self.folder / f"{name}.json").write_text(text, encoding="utf-8")
        return [self.folder / f"{name}.json" for name in whole]

    @staticmethod
    def model(name: str, prices: Any, **more: Any) -> dict[str, Any]:
        """Return a model in the shape of genai-prices."""
        return {"id": name, "match": {"equals": name}, "prices": prices, **more}

    def say(self, genai: Any = None, litellm: Any = None, extra: tuple[str, ...] = (), day: str = DAY) -> Result:
        """Run `propose` on what the catalogues say now; what is not given is as before."""
        return self.propose(
            *self.catalogues(genai, {"m": self.LITELLM} if litellm is None else litellm), day=day, extra=extra
        )

    def decide(self, *decisions: str) -> None:
        """Write the decisions file."""
        head = "provider: openai, day: 2026-12-15, reason: read on the page"
        rows = "".join(f"\n  - {{{head}, {one}}}" for one in decisions) or " []"
        self.write("imports/decisions.yaml", f"decisions:{rows}\n")
