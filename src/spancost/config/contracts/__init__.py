# SPDX-License-Identifier: Apache-2.0
"""Contracts as people write them, and as they are compiled. Only a compiled one is read without further packages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spancost.core.contract.terms import Contract, ContractError, canonical_bytes


def load(path: Path) -> Contract:
    """Return the contract in a file, compiled (JSON with `format`) or as people write it (YAML or JSON).

    ContractError names the file, and for what people wrote the line and the key as well.
    """
    text = _text(path)
    if _is_compiled(text):
        return Contract.from_bytes(text.encode(), str(path))
    return Contract.from_bytes(canonical_bytes(_compiled(path, text)), str(path))


def with_facts(contract: Contract | None, texts: Sequence[str], where: str) -> Contract | None:
    """Return *contract* with facts of accounts (`provider:fact=value`) over its own; ContractError names *where*.

    Providers and values are those of the rate card that comes with this release.
    """
    if not texts:
        return contract
    from spancost.config import data
    from spancost.config.contracts.account import with_account

    return with_account(contract, texts, data.default_card(), where)


def compiled(path: Path) -> bytes:
    """Return the canonical form of the contract in a file, with a line end: what a production process is given."""
    text = _text(path)
    body = text.rstrip("\n").encode() if _is_compiled(text) else canonical_bytes(_compiled(path, text))
    Contract.from_bytes(body, str(path))
    return body + b"\n"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ContractError(f"{path}: found a file that cannot be read ({error}); expected a contract") from None


def _is_compiled(text: str) -> bool:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(content, dict) and "format" in content


def _compiled(path: Path, text: str) -> dict[str, Any]:
    # What validates is loaded for a contract that people wrote only: a compiled one needs none of it.
    from spancost.config.contracts.compile import compile_contract

    return compile_contract(str(path), text)
