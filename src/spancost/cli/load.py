# SPDX-License-Identifier: Apache-2.0
"""`spancost load`: decodes spans once into a folder of Parquet tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from spancost.cli.extra import load as load_module
from spancost.cli.progress import cores, progress_bar
from spancost.cli.source_options import choice_of, price_options, refusals, warn_of


@click.command(name="load")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--into", "folder", required=True, type=click.Path(file_okay=False, path_type=Path), help="The folder.")
@click.option("--workers", type=click.IntRange(1), help="Processes at most; one for each core by default.")
@price_options
def command(sources: tuple[str, ...], folder: Path, workers: int | None, **options: Any) -> None:
    """Decode the spans of SOURCE... into the tables of a folder, which reports read much faster.

    All sources of one command are one set: a call that spans of several files report is counted once. Files that the
    folder holds already are left out. A load that was interrupted is continued by running it again. Several loads may
    run at once. With --reprice, the spans are priced again and replace what the folder holds of them.
    """
    with refusals():
        choice = choice_of(options)
        load_module("duckdb", "reports")
        store = load_module("spancost.store.load", "reports")
        paths = load_module("spancost.store.sources", "reports").files_of(sources)
        with progress_bar() as progress:
            done = store.load(paths, folder, choice, workers or cores(), progress)
    warn_of(done.faults, done.faulty)
    skipped = f"; {done.skipped} of {len(paths)} files were there already" if done.skipped else ""
    click.echo(f"{done.spans:,} spans read, {done.calls:,} calls stored in {folder}{skipped}", err=True)
