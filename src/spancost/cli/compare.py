# SPDX-License-Identifier: Apache-2.0
"""`spancost compare`: cost and quality of the arms of an experiment side by side."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import click

from spancost.cli.answer_forms import Cell, dollars, format_option, print_json, print_table, share
from spancost.cli.extra import load
from spancost.cli.source_options import (
    calls_of,
    choice_of,
    price_options,
    refusals,
    selection_of,
    selection_options,
    sources_argument,
)

_VERDICTS = {
    ("cheaper", "better"): "cheaper and better",
    ("cheaper", "worse"): "cheaper and worse",
    ("more_expensive", "better"): "more expensive and better",
    ("more_expensive", "worse"): "more expensive and worse",
    ("cheaper", "unknown"): "cheaper; no difference in quality shown",
    ("more_expensive", "unknown"): "more expensive; no difference in quality shown",
    ("unknown", "better"): "better; no difference in cost shown",
    ("unknown", "worse"): "worse; no difference in cost shown",
    ("unknown", "unknown"): "no difference shown",
}


@click.command(name="compare")
@sources_argument
@click.option(
    "--by", default="experiment", show_default=True, metavar="COLUMN", help="Column whose values are the arms."
)
@click.option("--control", required=True, metavar="VALUE", help="The arm that the others are compared with.")
@click.option(
    "--cluster",
    default="workspace_id",
    show_default=True,
    metavar="COLUMN",
    help="Column of what was assigned to an arm; `trace` when each trace was.",
)
@click.option("--pair-by", metavar="COLUMN", help="Column of the item that each arm worked on: compare item by item.")
@click.option(
    "--success", "successes", multiple=True, default=("success",), show_default=True, help="Outcome that is a success."
)
@click.option("--score", metavar="NAME", help="The evaluation score to compare, when there are several.")
@click.option("--level", type=click.FloatRange(0.5, 0.9999), default=0.95, show_default=True, help="Confidence.")
@click.option(
    "--planned",
    type=click.IntRange(2),
    default=1000,
    show_default=True,
    help="Clusters planned an arm: always-valid intervals are tightest there.",
)
@click.option("--fixed", is_flag=True, help="One look at a size fixed before: narrower, wrong when looked at again.")
@click.option("--cuped", is_flag=True, help="Use what each cluster cost before its arm began.")
@selection_options
@format_option
@price_options
def command(sources: tuple[str, ...], form: str, by: str, control: str, **options: Any) -> None:
    """Compare the arms of an experiment in SOURCE...: cost of a trace, outcome and score, with intervals.

    Intervals take the cluster as the unit, because the traces of one workspace are not independent. They hold however
    often they are looked at. Means decide: medians and ranks hide the expensive few.
    """
    with refusals():
        choice = choice_of(options)
        question = load("spancost.reports.compare", "reports")
        design, method = _design(question, by, options)
        use_before = options.pop("cuped")
        selection, _ = selection_of(options)
        with calls_of(sources, choice) as calls:
            units = question.arms_of(calls.engine, selection, design)
            if not units:
                why = (
                    f"No answer: no call has a value in {design.arm}."
                    if selection.is_everything and question.has_calls(calls.engine)
                    else load("spancost.reports.emptiness", "reports").why_empty(calls, selection)
                )
                click.echo(why, err=form in ("json", "csv"))
                return
            if use_before:
                method = method._replace(before=question.before_of(calls.engine, selection, design))
            found = question.compared(units, control, method)
            arms = [question.arm_json(name, arm, control) for name, arm in question.summaries(units, control)]
            rows = [question.comparison_json(name, control, each, method) for name, each in found.items()]
            if form in ("json", "csv"):
                print_json([*arms, *rows])
            else:
                _print(arms, rows, form)


def _design(question: Any, by: str, options: dict[str, Any]) -> tuple[Any, Any]:
    from spancost.core.analysis.arms import Method
    from spancost.reports.selection import column_named

    cluster, pair = options.pop("cluster"), options.pop("pair_by")
    design = question.Design(
        column_named(by, "--by"),
        None if cluster == "trace" else column_named(cluster, "--cluster"),
        None if pair is None else column_named(pair, "--pair-by"),
        tuple(options.pop("successes")),
        options.pop("score"),
    )
    return design, Method(options.pop("level"), options.pop("planned"), not options.pop("fixed"))


def _print(arms: list[dict[str, Any]], rows: list[dict[str, Any]], form: str) -> None:
    titles = ("traces", "clusters", "cost", "mean", "p50", "p95", "success", "per success", "score", "unpriced")
    cells = [
        [
            f"{arm['arm']} (control)" if arm["is_control"] else arm["arm"],
            f"{arm['traces']:,}",
            f"{arm['clusters']:,}",
            *(dollars(arm[name]) for name in ("cost_usd", "mean_usd", "p50_usd", "p95_usd")),
            "" if arm["success_rate"] is None else share(arm["successes"], arm["outcomes"]),
            "" if arm["cost_per_success_usd"] is None else dollars(arm["cost_per_success_usd"]),
            "" if arm["score_mean"] is None else f"{arm['score_mean']:.3f}",
            share(arm["unpriced_calls"], arm["calls"]),
        ]
        for arm in arms
    ]
    print_table([Cell("arm"), *(Cell(title, True) for title in titles)], cells, form)
    for row in rows:
        click.echo(
            f"\n{row['treatment']} against {row['control']}: {_VERDICTS[row['cost_verdict'], row['quality_verdict']]}."
        )
        percent = f"{row['level'] * 100:g} %"
        money = _interval(row, "difference", "_usd")
        click.echo(f"  cost of a trace: {dollars(row['difference_usd'])} more ({percent}: {money})")
        click.echo(f"  ratio: {_number(row['ratio'])} ({percent}: {_interval(row, 'ratio')})")
        for name, title in (
            ("success_difference", "difference of success rates"),
            ("score_difference", "difference of mean scores"),
            ("cost_per_success_ratio", "ratio of costs per success"),
        ):
            if row[f"{name}_low"] is not None:
                click.echo(f"  {title} ({percent}): {_interval(row, name)}")
        if row["few_clusters"]:
            click.echo("  Fewer than 20 clusters in an arm: the intervals are rough.")
    if any(arm["unpriced_calls"] for arm in arms):
        bounds = ", ".join(
            f"{arm['arm']} {dollars(arm['cost_usd'])} to {dollars(arm['highest_cost_usd'])}" for arm in arms
        )
        click.echo(f"\nUnpriced calls count as 0 above. At the highest rate of any model the costs are: {bounds}.")


def _interval(row: dict[str, Any], name: str, unit: str = "") -> str:
    low, high = row[f"{name}_low{unit}"], row[f"{name}_high{unit}"]
    if low is None or high is None:
        return "not bounded by the data"
    return f"{dollars(low)} to {dollars(high)}" if unit else f"{_number(low)} to {_number(high)}"


def _number(value: Decimal | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"
