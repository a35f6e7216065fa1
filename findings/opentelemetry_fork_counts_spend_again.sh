#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Package: opentelemetry-sdk 1.45.2
# Behaviour: a process with a counter of spend forks workers, as gunicorn with preload and Celery do. The SDK restarts its
#   export thread in each child and gives the child a service.instance.id of its own, so that its series is a new one. But the
#   counter keeps the parent's sum and start time: each child's series begins at what the parent had counted before the fork.
# Why it matters: the new id looks as if it made sums over instances right. The sum counts what was spent before the fork once
#   more for each worker, also for each worker that is started later in the place of one that ended. A warm-up that costs
#   5 USD and 8 workers are 45 USD on the board. Nothing on the series tells the copied part.
# Seen on 2026-12-01: spent 7.0 USD; series 5.0, 6.0, 6.0 of 3 instances, sum 17.0; start times 1
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check opentelemetry-sdk==1.45.2

cat >"$folder/check.py" <<'PYTHON'
import json
import os
import sys

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, PeriodicExportingMetricReader

place = sys.argv[1]


class Series(MetricExporter):
    """Writes the last point of this process into a file that has the name of its instance."""

    def export(self, metrics_data, timeout_millis=10_000, **kwargs):
        (resource,) = metrics_data.resource_metrics
        (point,) = resource.scope_metrics[0].metrics[0].data.data_points
        instance = resource.resource.attributes["service.instance.id"]
        with open(os.path.join(place, instance), "w") as file:
            json.dump([point.value, point.start_time_unix_nano], file)
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis=10_000):
        return True

    def shutdown(self, timeout_millis=30_000, **kwargs):
        pass


provider = MeterProvider(metric_readers=[PeriodicExportingMetricReader(Series(), export_interval_millis=60_000)])
spend = provider.get_meter("shop").create_counter("llm.spend", unit="USD")
spend.add(5.0)
workers = []
for _ in range(2):
    worker = os.fork()
    if worker == 0:
        spend.add(1.0)
        provider.force_flush()
        os._exit(0)
    workers.append(worker)
for worker in workers:
    os.waitpid(worker, 0)
provider.force_flush()
provider.shutdown()
points = [json.load(open(os.path.join(place, name))) for name in os.listdir(place)]
values, starts = sorted(value for value, _ in points), {start for _, start in points}
text = ", ".join(str(value) for value in values)
print(f"spent 7.0 USD; series {text} of {len(points)} instances, sum {sum(values)}; start times {len(starts)}")
assert len(points) == 3, "a forked child is the same instance now"
assert values == [5.0, 6.0, 6.0] and len(starts) == 1, "a forked child does not keep the sum any more"
PYTHON
mkdir "$folder/series"
"$folder/env/bin/python" -W ignore "$folder/check.py" "$folder/series"
