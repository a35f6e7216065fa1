# SPDX-License-Identifier: Apache-2.0
"""DDL for ClickHouse over the `otel_traces` table of the Collector's exporter: the calls table, views, a roll-up.

The exporter's table has no unique key: a batch that is sent again is there twice. The calls table has the key trace and
span id, and is read with FINAL. A sum that a materialized view keeps as rows arrive would keep such copies for ever, so
the roll-up is computed from the calls table, for hours that are over. Every attribute value is text in the exporter's
tables; money is parsed from it as a decimal.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from spancost.config import data
from spancost.core import semconv
from spancost.core.ledger.writes import CONTRACT_MARK
from spancost.store.columns import CALLS, Column
from spancost.store.span_facts import EVALUATION, SCORE_NAME, SCORE_PREFIX, SCORE_VALUE

MAP, JSON = FORMS = ("map", "json")
TYPES = {
    "string": "String",
    "int64": "Int64",
    "timestamp": "DateTime64(9, 'UTC')",
    "usd": "Decimal(38, 15)",
    "boolean": "Bool",
    "map": "Map(String, String)",
    "numbers": "Map(String, Float64)",
}
HOURLY_KEYS = ("service", "provider", "model", "operation", "feature", "environment", "team", "status")
"""Columns of the hourly roll-up."""
ROLLED_UP_AGAIN_HOURS = 72
"""Hours for which the roll-up is computed again each time, for spans that arrive late."""
_SUMS = ("cost_usd", "list_cost_usd")
_TOKENS = ("input_tokens", "cached_input_tokens", "output_tokens")
_NOT_TAGS = ("app.outcome", "app.attribution_missing", *(column.tag for column in CALLS if column.tag is not None))
_ENVIRONMENT = ("deployment.environment.name", "deployment.environment")
_METER = "llm.meter."
_STRING, _RAW = "JSONExtractString", "JSONExtractRaw"


class Names(NamedTuple):
    """Where the spans are and where the calls go: a database, the exporter's table, a prefix of our own names."""

    database: str = "otel"
    source: str = "otel_traces"
    form: str = MAP

    def of(self, name: str) -> str:
        """Return the full name of a table of ours."""
        return f"`{self.database}`.`{name}`"


CALLS_TABLE, HOURLY_TABLE = "spancost_calls", "spancost_calls_hourly"


def statements(names: Names) -> list[str]:
    """Return the statements in order; each may be run again."""
    columns = ",\n".join(f"    `{column.name}` {_type(column)}" for column in CALLS)
    return [
        f"CREATE DATABASE IF NOT EXISTS `{names.database}`",
        f"CREATE TABLE IF NOT EXISTS {names.of(CALLS_TABLE)}\n(\n{columns}\n)\n"
        "ENGINE = ReplacingMergeTree\nPARTITION BY toYYYYMM(started_at)\nORDER BY (trace_id, span_id)",
        f"CREATE MATERIALIZED VIEW IF NOT EXISTS {names.of('spancost_calls_from_spans')}\n"
        f"TO {names.of(CALLS_TABLE)} AS\n{select_calls(names)}",
        *views(names),
        *roll_up(names),
    ]


def fill(names: Names) -> str:
    """Return the statement that takes over the spans that were there before the view; it may be run again."""
    return f"INSERT INTO {names.of(CALLS_TABLE)}\n{select_calls(names)}"


def select_calls(names: Names) -> str:
    """Return the query that makes rows of calls from the exporter's table."""
    shown = ",\n".join(
        f"    {text} AS `{column.name}`" for column, text in zip(CALLS, _expressions(names), strict=True)
    )
    status = _attribute("llm.cost_status", names.form)
    return f"SELECT\n{shown}\nFROM {names.of(names.source)}\nWHERE {status} NOT IN ('', 'duplicate', 'aggregate')"


def views(names: Names) -> list[str]:
    """Return the views that reports read: `calls`, `traces`, `spans`, with the columns of the stored tables."""
    outcome = _attribute("app.outcome", names.form)
    status = _attribute("llm.cost_status", names.form)
    kept = ", ".join(f"`{column.name}`" for column in CALLS if column.name != "outcome")
    source = names.of(names.source)
    return [
        f"CREATE OR REPLACE VIEW {names.of('calls')} AS\n"
        f"SELECT {kept}, ifNull(`calls`.`outcome`, nullIf(`roots`.`root_outcome`, '')) AS `outcome`\n"
        f"FROM (SELECT * FROM {names.of(CALLS_TABLE)} FINAL) AS `calls`\n"
        f"LEFT ANY JOIN (SELECT TraceId AS `root_trace`, argMax({outcome}, Duration) AS `root_outcome`\n"
        f"    FROM {source} WHERE {outcome} != '' GROUP BY TraceId) AS `roots`\n"
        "ON `calls`.`trace_id` = `roots`.`root_trace`",
        f"CREATE OR REPLACE VIEW {names.of('traces')} AS\n"
        "SELECT TraceId AS `trace_id`, argMin(SpanName, Timestamp) AS `name`,\n"
        "    argMin(ServiceName, Timestamp) AS `service`,\n"
        f"    min(Timestamp) AS `started_at`, nullIf(argMax({outcome}, Duration), '') AS `outcome`,\n"
        "    any(`scored`.`scores`) AS `scores`\n"
        f"FROM {source} LEFT ANY JOIN (\n{_scores(names)}) AS `scored` ON TraceId = `scored`.`trace_id`\n"
        "WHERE ParentSpanId = '' GROUP BY TraceId",
        f"CREATE OR REPLACE VIEW {names.of('spans')} AS\n"
        "SELECT TraceId AS `trace_id`, SpanId AS `span_id`, nullIf(ParentSpanId, '') AS `parent_id`,\n"
        "    SpanName AS `name`, ServiceName AS `service`, Timestamp AS `started_at`,\n"
        "    toInt64(Duration) AS `duration_ns`\n"
        f"FROM {source} WHERE {status} IN ('', 'duplicate', 'aggregate') LIMIT 1 BY TraceId, SpanId",
    ]


def _scores(names: Names) -> str:
    """Return the query for the scores of each trace: of several with one name the one with the latest end."""
    given = _map(SCORE_PREFIX, names.form, cut=len(SCORE_PREFIX), read=_RAW)
    value, name = _attribute(SCORE_VALUE, names.form), _text(SCORE_NAME, names.form)
    own = f"if({value} = '', [], [(ifNull({name}, 'score'), {value})])"
    return (
        "    SELECT `trace_id`, CAST((groupArray(`score`), groupArray(`value`)), 'Map(String, Float64)') AS `scores`\n"
        "    FROM (SELECT `trace_id`, `held`.1 AS `score`, argMax(toFloat64OrNull(`held`.2), `ends`) AS `value`\n"
        "        FROM (SELECT TraceId AS `trace_id`, toUnixTimestamp64Nano(Timestamp) + toInt64(Duration) AS `ends`,\n"
        f"            arrayJoin(arrayConcat(CAST({given}, 'Array(Tuple(String, String))'), {own},\n"
        f"                {_scores_of_events(names.form)})) AS `held`\n"
        f"            FROM {names.of(names.source)})\n"
        "        GROUP BY `trace_id`, `score`)\n"
        "    WHERE `value` IS NOT NULL GROUP BY `trace_id`"
    )


def _scores_of_events(form: str) -> str:
    """Return the names and values of evaluations that are events of a span."""
    parts = [", ".join(f"'{part}'" for part in key.split(".")) for key in (SCORE_NAME, SCORE_VALUE)]
    found = [f"e.2['{SCORE_NAME}']", f"e.2['{SCORE_VALUE}']"]
    if form == JSON:
        found = [f"{read}(toJSONString(e.2), {part})" for read, part in zip((_STRING, _RAW), parts, strict=True)]
    zipped = "arrayZip(`Events.Name`, `Events.Attributes`)"
    return f"arrayMap(e -> ({', '.join(found)}), arrayFilter(e -> e.1 = '{EVALUATION}', {zipped}))"


def roll_up(names: Names) -> list[str]:
    """Return the hourly roll-up and the view that fills it each hour."""
    keys = "".join(f"    `{key}` LowCardinality(Nullable(String)),\n" for key in HOURLY_KEYS)
    sums = "".join(f"    `{name}` Decimal(38, 15),\n" for name in _SUMS)
    counts = "".join(f"    `{name}` Int64,\n" for name in ("calls", "priced_calls", *_TOKENS))
    order = ", ".join(("hour", *HOURLY_KEYS))
    return [
        f"CREATE TABLE IF NOT EXISTS {names.of(HOURLY_TABLE)}\n(\n    `hour` DateTime('UTC'),\n{keys}{sums}{counts}"
        "    `filled_at` DateTime('UTC')\n)\n"
        f"ENGINE = ReplacingMergeTree(filled_at)\nORDER BY ({order})\nSETTINGS allow_nullable_key = 1",
        f"CREATE MATERIALIZED VIEW IF NOT EXISTS {names.of('spancost_calls_hourly_fill')}\n"
        f"REFRESH EVERY 1 HOUR OFFSET 10 MINUTE APPEND TO {names.of(HOURLY_TABLE)} AS\n{select_hours(names)}",
    ]


def select_hours(names: Names) -> str:
    """Return the query that makes rows of the roll-up: of hours that are over, the latest ones."""
    keys = ", ".join(f"`{key}`" for key in HOURLY_KEYS)
    sums = ",\n    ".join(f"sum(ifNull(`c`.`{name}`, 0)) AS `{name}`" for name in (*_SUMS, *_TOKENS))
    return (
        f"SELECT toStartOfHour(`started_at`) AS `hour`, {keys},\n    {sums},\n"
        "    toInt64(count()) AS `calls`, toInt64(countIf(`c`.`cost_usd` IS NOT NULL)) AS `priced_calls`,\n"
        "    toDateTime(now(), 'UTC') AS `filled_at`\n"
        f"FROM (SELECT {keys}, `started_at`, {', '.join(f'`{name}`' for name in (*_SUMS, *_TOKENS))}\n"
        f"    FROM {names.of(CALLS_TABLE)} FINAL\n"
        f"    WHERE `started_at` >= toStartOfHour(now('UTC')) - INTERVAL {ROLLED_UP_AGAIN_HOURS} HOUR\n"
        "        AND `started_at` < toStartOfHour(now('UTC'))) AS `c`\n"
        f"GROUP BY `hour`, {keys}"
    )


def _type(column: Column) -> str:
    kind = TYPES[column.type]
    return f"Nullable({kind})" if column.is_null else kind


def _attribute(key: str, form: str, holder: str = "SpanAttributes") -> str:
    """Return an attribute as text, '' when it is missing."""
    if form == MAP:
        return f"{holder}['{key}']"
    path = ".".join(f"`{part}`" for part in key.split("."))
    return f"ifNull(toString({holder}.{path}), '')"


def _expressions(names: Names) -> Iterator[str]:
    """Yield the expression of each column of calls."""
    record = data.default_dialects().record_keys
    fixed = {
        "trace_id": "TraceId",
        "span_id": "SpanId",
        "parent_id": "nullIf(ParentSpanId, '')",
        "started_at": "Timestamp",
        "duration_ns": "toInt64(Duration)",
        "service": "nullIf(ServiceName, '')",
        "session_id": f"ifNull({_first(record['session'], names.form)}, TraceId)",
        "tier": _text("llm.service_tier", names.form),
        "meters": _map(_METER, names.form, cut=len(_METER)),
        "cost_usd": _money("llm.request_cost_usd", names.form),
        "list_cost_usd": _list_cost(names.form),
        "status": _attribute("llm.cost_status", names.form),
        "reason": _text("llm.cost_reason", names.form),
        "source": _source(names.form),
        "environment": _environment(names.form),
        "tags": _map("app.", names.form, without=_NOT_TAGS),
        "error": f"coalesce({_text('error.type', names.form)}, if(StatusCode = 'Error', '_OTHER', NULL))",
        "prompt_name": _first(record["prompt_name"], names.form),
        "prompt_version": _first(record["prompt_version"], names.form),
        "outcome": _text("app.outcome", names.form),
        "time_to_first_token_ns": _first_token(record["first_token"], names.form),
        "trace_spans": "toInt64(0)",
    }
    for column in CALLS:
        if column.name in fixed:
            yield fixed[column.name]
        elif column.type == "int64":
            yield f"toInt64OrNull({_attribute(f'llm.{column.name}', names.form)})"
        else:
            key = column.tag or f"llm.{column.name}"
            stated_by = semconv.STATED_BY.get(key)
            yield _text(key, names.form) if stated_by is None else _first([key, stated_by], names.form)


def _text(key: str, form: str, holder: str = "SpanAttributes") -> str:
    return f"nullIf({_attribute(key, form, holder)}, '')"


def _first(keys: list[str], form: str) -> str:
    return f"coalesce({', '.join(_text(key, form) for key in keys)}, NULL)"


def _money(key: str, form: str) -> str:
    return f"toDecimal128OrNull({_attribute(key, form)}, 15)"


def _source(form: str) -> str:
    """Return the source; the set `standard` does not write `rate_card`, which a rate id of no contract implies."""
    implied = semconv.IMPLIED["llm.cost_source"]
    version, rate = _attribute("llm.pricing_version", form), _text("llm.rate_id", form)
    is_implied = f"{rate} IS NOT NULL AND position({version}, '{CONTRACT_MARK}') = 0"
    return f"coalesce({_text('llm.cost_source', form)}, if({is_implied}, '{implied}', NULL))"


def _list_cost(form: str) -> str:
    is_card = f"ifNull({_source(form)} = 'rate_card', false)"
    return f"coalesce({_money('llm.list_cost_usd', form)}, if({is_card}, {_money('llm.request_cost_usd', form)}, NULL))"


def _environment(form: str) -> str:
    of_resource = ", ".join(_text(key, form, "ResourceAttributes") for key in _ENVIRONMENT)
    return f"coalesce({_text('app.environment', form)}, {of_resource})"


def _first_token(keys: list[list[object]], form: str) -> str:
    values = (f"toFloat64OrNull({_attribute(str(key), form)}) * {unit}" for key, unit in keys)
    return f"toInt64(round(coalesce({', '.join(values)})))"


def _map(prefix: str, form: str, cut: int = 0, without: tuple[str, ...] = (), read: str = _STRING) -> str:
    """Return the attributes with a prefix as a map of text; *cut*: how many characters of the names are left out."""
    listed = ", ".join(f"'{key}'" for key in without)
    condition = f"startsWith(k, '{prefix}')" + (f" AND k NOT IN ({listed})" if without else "")
    if form == MAP:
        kept = f"mapFilter((k, v) -> {condition}, SpanAttributes)"
        name = f"substring(k, {cut + 1})" if cut else "k"
        return f"mapApply((k, v) -> (toString({name}), toString(v)), {kept})"
    keys = f"arrayFilter(k -> {condition}, JSONAllPaths(SpanAttributes))"
    parts = ", ".join(f"splitByChar('.', k)[{n}]" for n in range(1, prefix.count(".") + 1))
    value = f"{read}(toJSONString(SpanAttributes), {parts}, substring(k, {len(prefix) + 1}))"
    name = f"substring(k, {cut + 1})" if cut else "k"
    names = f"arrayMap(k -> {name}, {keys})"
    return f"mapFromArrays({names}, arrayMap(k -> {value}, {keys}))"
