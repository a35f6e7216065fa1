#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Package: ibis-framework 12.0.0 (its SQL run on chdb 4.4.0, which has ClickHouse 26.9, and on duckdb 2.0.1)
# Behaviour: Ibis has nunique() and quantile() beside approx_nunique() and approx_quantile(). On ClickHouse the first two are
#   estimates as well: they become uniq and quantile, not uniqExact and quantileExact, and ask for no consent. Up to about
#   65,000 different values (8,192 rows for the quantile) the estimate is exact. DuckDB gets COUNT(DISTINCT) and QUANTILE_CONT.
# Why it matters: a report by Ibis passes its tests on small data and on DuckDB, and on a day of traffic counts traces or
#   sessions that do not exist. Cost per trace and the 95th percentile of cost are off by up to 1 %, with no sign of it;
#   two reports of the same table do not agree. A count of the distinct rows is exact.
# Seen on 2026-12-01: clickhouse: 10000 traces: nunique 10000; 200000 traces: nunique 200679, p95 139316.823 of 140393.934
#   duckdb: 200000 traces: nunique 200000, p95 140393.934
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check \
  "ibis-framework[clickhouse,duckdb]==12.0.0" \
  chdb==4.4.0 \
  duckdb==2.0.1

cat >"$folder/check.py" <<'PYTHON'
import chdb
import duckdb
import ibis

calls = ibis.table({"trace_id": "string", "cost": "float64"}, name="calls")
both = calls.aggregate(traces=calls.trace_id.nunique(), p95=calls.cost.quantile(0.95))
rows = {
    "clickhouse": "SELECT lower(hex(MD5(toString(number)))) AS trace_id, number % 1000 * number / 1000 AS cost FROM numbers({})",
    "duckdb": "SELECT md5(range::VARCHAR) AS trace_id, range % 1000 * range / 1000 AS cost FROM range({})",
}


def ask(dialect, expression, count):
    """Return the first row of the answer to an expression about `count` calls, each in a trace of its own."""
    query = f"WITH calls AS ({rows[dialect].format(count)}) {ibis.to_sql(expression, dialect=dialect)}"
    if dialect == "duckdb":
        return duckdb.sql(query).fetchall()[0]
    return tuple(float(value) for value in str(chdb.query(query, "CSV")).strip().split(","))


small, _ = ask("clickhouse", both, 10_000)
found = {dialect: ask(dialect, both, 200_000) for dialect in rows}
(distinct,) = ask("clickhouse", calls.select("trace_id").distinct().count(), 200_000)
(traces, p95), (traces_exact, p95_exact) = found["clickhouse"], found["duckdb"]
print(f"clickhouse: 10000 traces: nunique {small:.0f}; 200000 traces: nunique {traces:.0f}, p95 {p95:.3f} of {p95_exact:.3f}")
print(f"duckdb: 200000 traces: nunique {traces_exact}, p95 {p95_exact:.3f}")
assert small == 10_000, "small tables are not counted exactly any more"
assert traces_exact == distinct == 200_000, "the exact ways are not exact any more"
assert traces != 200_000, "nunique on ClickHouse is exact now"
assert abs(p95 - p95_exact) > 100, "quantile on ClickHouse is exact now"
PYTHON
"$folder/env/bin/python" -W ignore "$folder/check.py"
