# SPDX-License-Identifier: Apache-2.0
"""Keeping the card true: `python -m tools.pricing.maintain propose|report|lock` (docs/prices-upkeep.md).

Exit status of propose: 0 nothing to do, 1 proposals that were not written, 2 an input is broken, 3 only decisions left.
"""

from __future__ import annotations

import sys
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from tools.pricing.catalogue_report import render, survey
from tools.pricing.compiler import compile_card
from tools.pricing.decisions import Decisions
from tools.pricing.deltas import settled
from tools.pricing.form import FormError
from tools.pricing.lock import lock_text, path_of, read_lock
from tools.pricing.ours import Ours
from tools.pricing.propose import Outcome, Side, propose
from tools.pricing.rows import report as rows_report
from tools.pricing.sides import CATALOGUES, ProviderMap, load_catalogue

ROOT = Path(__file__).resolve().parent.parent.parent
UP_TO_DATE, PROPOSED, BROKEN, TO_DECIDE = 0, 1, 2, 3

_pricing = click.option(
    "--pricing", type=click.Path(path_type=Path, file_okay=False), default=ROOT / "pricing", help="Folder of the card."
)
_day = click.option(
    "--day", default=lambda: datetime.now(timezone.utc).strftime("%Y-%m-%d"), help="As of (YYYY-MM-DD)."
)


@click.group()
def main() -> None:
    """Compare the rate card with other catalogues and propose changes."""


@main.command("propose")
@click.argument("catalogues", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@_pricing
@_day
@click.option("--provider", "only", multiple=True, help="Only this provider (again for more).")
@click.option("--write", is_flag=True, help="Edit the providers' files and the locks.")
def propose_command(catalogues: tuple[Path, ...], pricing: Path, day: str, only: tuple[str, ...], write: bool) -> None:
    """Compare CATALOGUES (files of tools/pricing/export.py) with their locks and with the card."""
    imports = pricing / "imports"
    try:
        mapping = ProviderMap.load(imports / "catalogues.yaml")
        decisions = Decisions.load(imports / "decisions.yaml")
        sides = []
        for path in catalogues:
            after = load_catalogue(path, mapping)
            sides.append(Side(read_lock(path_of(imports, after.name)), after))
        # A catalogue that is not compared is represented by its lock.
        for name in set(CATALOGUES) - {side.after.name for side in sides}:
            kept = read_lock(path_of(imports, name))
            sides.append(Side(kept, kept))
        sides.sort(key=lambda side: CATALOGUES.index(side.after.name))
        ours = Ours(pricing, mapping, day)
        known = sorted({provider for side in sides for provider in {*side.before.providers, *side.after.providers}})
        for provider in only:
            if provider not in known:
                raise FormError(f"--provider: found {provider!r}; expected one of {', '.join(known)}")
        providers = list(only) or known
        outcomes = [
            _checked(propose(provider, sides, ours, pricing / "providers", decisions), pricing, day)
            for provider in providers
        ]
    except (FormError, ValueError) as error:
        click.echo(error, err=True)
        sys.exit(BROKEN)
    proposals = [row for outcome in outcomes for row in outcome.proposals]
    issues = [row for outcome in outcomes for row in outcome.issues]
    click.echo(rows_report(proposals, issues), nl=False)
    if write:
        _write(outcomes, sides, pricing)
    sys.exit(PROPOSED if proposals and not write else TO_DECIDE if issues else UP_TO_DATE)


def _checked(outcome: Outcome, pricing: Path, day: str) -> Outcome:
    """Return an outcome of which the file compiles; FormError when it would not."""
    if outcome.text is not None:
        with TemporaryDirectory() as folder:
            path = Path(folder) / f"{outcome.provider}.yaml"
            path.write_text(outcome.text, encoding="utf-8")
            compile_card(pricing, day.replace("-", "."), path.parent)
    return outcome


def _write(outcomes: list[Outcome], sides: list[Side], pricing: Path) -> None:
    for outcome in outcomes:
        if outcome.text is not None:
            (pricing / "providers" / f"{outcome.provider}.yaml").write_text(outcome.text, encoding="utf-8")
    for side in sides:
        open_ = [delta for outcome in outcomes for delta in outcome.open_in(side.after.name)]
        kept = settled(side.before, side.after, [outcome.provider for outcome in outcomes], open_)
        path_of(pricing / "imports", side.after.name).write_text(lock_text(kept), encoding="utf-8")


@main.command("report")
@_pricing
@_day
@click.option("--provider", "only", multiple=True, help="Only this provider (again for more).")
@click.option("--details", is_flag=True, help="Also every name without a price and every conflict.")
def report_command(pricing: Path, day: str, only: tuple[str, ...], details: bool) -> None:
    """Report age, coverage and conflicts by provider, from the locks."""
    try:
        locks = [read_lock(path_of(pricing / "imports", name)) for name in CATALOGUES]
        ours = Ours(pricing, ProviderMap.load(pricing / "imports" / "catalogues.yaml"), day)
        providers = pricing / "providers"
        known = {path.stem for path in providers.glob("*.yaml")}.union(*(lock.providers for lock in locks))
        reports = [
            survey(provider, ours, providers, locks) for provider in sorted(known) if not only or provider in only
        ]
        click.echo(render(reports, locks, details), nl=False)
    except (FormError, ValueError) as error:
        click.echo(error, err=True)
        sys.exit(BROKEN)


@main.command("lock")
@click.argument("catalogues", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@_pricing
def lock_command(catalogues: tuple[Path, ...], pricing: Path) -> None:
    """Write CATALOGUES to the locks without proposing anything: for a first import."""
    try:
        mapping = ProviderMap.load(pricing / "imports" / "catalogues.yaml")
        for path in catalogues:
            catalogue = load_catalogue(path, mapping)
            path_of(pricing / "imports", catalogue.name).write_text(lock_text(catalogue), encoding="utf-8")
    except FormError as error:
        click.echo(error, err=True)
        sys.exit(BROKEN)


if __name__ == "__main__":
    main()
