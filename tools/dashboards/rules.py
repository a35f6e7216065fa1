# SPDX-License-Identifier: Apache-2.0
"""Recording and alert rules of Prometheus, and unit tests of them for promtool."""

from __future__ import annotations

import io
import re
from typing import Any

from ruamel.yaml import YAML

from tools.dashboards.table import Alert, alerts, records

GROUPS = ["spancost-records", "spancost-alerts"]
"""In this order: promtool 2.42 runs groups in any order unless it is told one, and alerts read the records."""
HEAD = """\
# SPDX-License-Identifier: Apache-2.0
# Generated from dashboards/alerts.yaml by `python -m tools.dashboards`; edit that file.
"""
MINUTE, HALF_HOUR = "1m", "30m"
RUNBOOK = "https://github.com/spancost/spancost/blob/main/docs/dashboards.md"
SHOWN = {"number": "humanize", "share": "humanizePercentage"}
"""Function of Prometheus' templates that writes the value."""
LABEL = re.compile(r"\{([a-z_]+)\}")


def rules_text() -> str:
    """Return prometheus/rules.yaml."""
    recorded = [{"record": each.record, "expr": each.expr} for each in records()]
    groups = [
        {"name": GROUPS[0], "interval": "1m", "rules": recorded},
        {"name": GROUPS[1], "interval": "1m", "rules": [_rule(alert) for alert in alerts()]},
    ]
    comments = {each.record: each.comment for each in records() if each.comment}
    text = _yaml({"groups": groups})
    for record, comment in comments.items():
        text = re.sub(rf"^( *)- record: {record}$", rf"\1# {comment}\n\g<0>", text, flags=re.MULTILINE)
    return HEAD + text


def tests_text(interval: str = MINUTE) -> str:
    """Return the unit tests of the alerts whose series have a value each *interval*, which is also how often rules run.

    For each alert there is a case in which it fires, and one in which it does not.
    """
    cases = [case for alert in alerts() for case in _cases(alert) if case["interval"] == interval]
    head = {"rule_files": ["rules.yaml"], "evaluation_interval": interval, "group_eval_order": list(GROUPS)}
    return HEAD + _yaml({**head, "tests": cases})


def _rule(alert: Alert) -> dict[str, Any]:
    return {
        "alert": alert.alert,
        "expr": alert.expr,
        "labels": {"severity": alert.severity},
        "annotations": _annotations(alert),
    }


def _annotations(alert: Alert) -> dict[str, str]:
    value = f"{{{{ $value | {SHOWN[alert.shows]} }}}}"
    return {
        "summary": LABEL.sub(r"{{ $labels.\1 }}", alert.summary),
        "description": LABEL.sub(r"{{ $labels.\1 }}", alert.description).replace("$value", value),
        "runbook_url": f"{RUNBOOK}#{alert.runbook}",
    }


def _told(alert: Alert, labels: dict[str, str], value: str) -> dict[str, str]:
    """Return the annotations as Prometheus renders them."""
    return {
        "summary": LABEL.sub(lambda found: labels[found[1]], alert.summary),
        "description": LABEL.sub(lambda found: labels[found[1]], alert.description).replace("$value", value),
        "runbook_url": f"{RUNBOOK}#{alert.runbook}",
    }


def _cases(alert: Alert) -> list[dict[str, Any]]:
    test = alert.test
    labels = dict(test["fires"].get("labels", {}))
    fires = {
        "eval_time": test["fires"]["at"],
        "alertname": alert.alert,
        "exp_alerts": [
            {
                "exp_labels": {"severity": alert.severity, **labels},
                "exp_annotations": _told(alert, labels, test["fires"]["value"]),
            }
        ],
    }
    silent = {"eval_time": test["silent"], "alertname": alert.alert, "exp_alerts": []}
    if "silent_series" not in test:
        return [_case(alert, "", test["series"], [fires, silent])]
    return [
        _case(alert, " fires", test["series"], [fires]),
        _case(alert, " stays silent", test["silent_series"], [silent]),
    ]


def _case(alert: Alert, what: str, series: dict[str, str], asked: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "name": alert.alert + what,
        "interval": alert.test.get("interval", MINUTE),
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": sorted(asked, key=lambda each: _minutes(each["eval_time"])),
    }


def _minutes(text: str) -> int:
    return int(text[:-1]) * (60 if text.endswith("h") else 1)


def _yaml(content: Any) -> str:
    writer = YAML()
    writer.width = 4096
    writer.indent(mapping=2, sequence=4, offset=2)
    out = io.StringIO()
    writer.dump(content, out)
    return out.getvalue()
