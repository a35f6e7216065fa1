# SPDX-License-Identifier: Apache-2.0
"""The bundled data files, each read once and cached.

In a wheel they lie inside the package under `_data`; in a checkout they lie at its root.
"""

from __future__ import annotations

import json
import re
import zlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spancost.core.dialect.dialects import Dialects
from spancost.core.pricing.card import CardError, RateCard
from spancost.core.pricing.names import ProviderNames
from spancost.core.pricing.price import Pricer

if TYPE_CHECKING:
    from spancost.core.contract.terms import Contract
    from spancost.core.wire.match import Wires

_GZIP = 31
"""What tells zlib to read the form of gzip; the module of that name takes 5 ms to import."""
_PACKAGE = Path(__file__).parent.parent
_VERSION = re.compile(r"^[0-9]{4}\.[0-9]{2}\.[0-9]{2}-[0-9a-f]{12}$")


@lru_cache(maxsize=1)
def root() -> Path:
    """Return the directory that holds `pricing/` and `semconv/`."""
    packaged = _PACKAGE / "_data"
    return packaged if packaged.is_dir() else _PACKAGE.parent.parent


def read(relative: str) -> bytes:
    """Return the bytes of a data file, named relative to `root()` with forward slashes; FileNotFoundError names it."""
    return (root() / relative).read_bytes()


@lru_cache(maxsize=1)
def default_card() -> RateCard:
    """Return the newest bundled rate card."""
    return RateCard.from_bytes(read("pricing/compiled/card.jsonl"), "pricing/compiled/card.jsonl")


def is_version(text: str) -> bool:
    """Return whether *text* has the form of a card's version, without a contract's part."""
    return _VERSION.match(text) is not None


@lru_cache(maxsize=4)
def card(version: str) -> RateCard:
    """Return the card of a version (`llm.pricing_version` less a contract's part); CardError when there is none."""
    version = version.partition("+")[0]
    if not is_version(version):
        raise CardError(f"card version: found {version!r}; expected YYYY.MM.DD-<12 hex digits>")
    if version == default_card().version:
        return default_card()
    relative = f"pricing/released/{version}.jsonl.gz"
    try:
        packed = read(relative)
    except FileNotFoundError:
        known = ", ".join(versions())
        raise CardError(
            f"card version: found {version}, which is not in this release; expected one of {known}"
        ) from None
    return RateCard.from_bytes(zlib.decompress(packed, _GZIP), relative)


def versions() -> tuple[str, ...]:
    """Return the versions of all bundled rate cards, oldest first."""
    released = {path.name.removesuffix(".jsonl.gz") for path in (root() / "pricing/released").glob("*.jsonl.gz")}
    return tuple(sorted({*released, default_card().version}))


def card_from_file(path: Path) -> RateCard:
    """Return the rate card in a file (plain or gzip); CardError names the file."""
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = zlib.decompress(content, _GZIP)
    except (OSError, zlib.error) as error:
        raise CardError(f"{path}: cannot be read ({error}); expected a compiled rate card") from error
    return RateCard.from_bytes(content, str(path))


def card_named(name: str) -> RateCard:
    """Return the rate card in a file, or of a released version; CardError names what is wrong with *name*."""
    path = Path(name).expanduser()
    if path.exists():
        return card_from_file(path)
    if not is_version(name):
        raise CardError(f"rate card: found no file {name!r}; expected one, or a version YYYY.MM.DD-<12 hex digits>")
    return card(name)


@lru_cache(maxsize=1)
def default_pricer() -> Pricer:
    """Return the pricer of the newest rate card; all users share its cache of matches."""
    return Pricer(default_card())


def pricer(card: RateCard, contract: Contract | None = None) -> Pricer:
    """Return what prices by *card* and, when there is one, by *contract*; ContractError when these do not agree."""
    if contract is None:
        return default_pricer() if card is default_card() else Pricer(card)
    if contract.is_of_facts_only:
        return Pricer(card, contract.account, f"+o{contract.suffix}")
    # Loaded for those who have a contract only.
    from spancost.core.contract.price import ContractPricer

    return ContractPricer(card, contract)


def default_names() -> ProviderNames:
    """Return the providers' names of the newest rate card."""
    return default_card().provider_names


def dialects(read_responses: bool = True, emitters: Any = None) -> Dialects:
    """Return the dialects that come with this release and, before them, the *emitters* that people describe.

    emitters: the content of their file; EmitterError when it is wrong.
    """
    if emitters is None:
        return default_dialects(read_responses)
    return Dialects(compiled_dialects(emitters), default_names(), read_responses=read_responses)


def compiled_dialects(emitters: Any = None) -> dict[str, Any]:
    """Return the compiled form of what `dialects` returns."""
    compiled: dict[str, Any] = json.loads(read("semconv/compiled/dialects.json"))
    if emitters is None:
        return compiled
    from spancost.core.dialect.emitters import with_emitters

    return with_emitters(compiled, emitters)


@lru_cache(maxsize=2)
def default_dialects(read_responses: bool = True) -> Dialects:
    """Return the dialects that come with this release, with the providers' names of the newest rate card.

    read_responses: see `Dialects`.
    """
    return Dialects(compiled_dialects(), default_names(), read_responses=read_responses)


@lru_cache(maxsize=1)
def default_wires() -> Wires:
    """Return the bundled wires: how responses of each provider report usage."""
    # Only capture and `extract` read wires; a processor must not pay for their modules when it starts.
    from spancost.core.wire.match import Wires

    return Wires.from_bytes(read("semconv/compiled/wires.json"))
