# SPDX-License-Identifier: Apache-2.0
"""Facts of a team's accounts that settings state: `provider:fact=value`.

They become part of the contract, and so of the version of what is priced with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from spancost.core.contract.terms import FORMAT, Contract, ContractError, canonical_bytes
from spancost.core.pricing.account import account_fault
from spancost.core.pricing.card import RateCard

FORM = "provider:fact=value, as in azure.ai.openai:deployment_type=data zone"
"""How one fact is written."""


def with_account(contract: Contract | None, texts: Sequence[str], card: RateCard, where: str) -> Contract | None:
    """Return *contract* with the facts in *texts* over its own; ContractError names *where* and what is wrong."""
    if not texts:
        return contract
    content: dict[str, Any] = {"attributes": {}, "deployments": [], "format": FORMAT, "name": "account", "terms": []}
    if contract is not None:
        content = dict(contract.content)
    facts: dict[str, dict[str, str]] = {provider: dict(stated) for provider, stated in content.get("facts", {}).items()}
    for text in texts:
        provider, colon, rest = text.partition(":")
        fact, equals, value = (part.strip() for part in rest.partition("="))
        if not (provider.strip() and colon and fact and equals and value):
            raise ContractError(f"{where}: found {text!r}; expected {FORM}")
        provider = card.provider_names.canonical(provider) or ""
        fault = account_fault(card, provider, fact, value)
        if fault is not None:
            raise ContractError(f"{where}, {text}: found {fault.found}; expected {fault.expected}")
        facts.setdefault(provider, {})[fact] = value
    return Contract.from_bytes(canonical_bytes({**content, "facts": facts}), where)
