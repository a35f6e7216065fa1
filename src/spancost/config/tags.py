# SPDX-License-Identifier: Apache-2.0
"""Names of tags: the short name of each attribution tag, those that settings add, and the attributes of metrics."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from spancost.core import semconv

ATTRIBUTES: Mapping[str, str] = {
    "feature": semconv.APP_FEATURE,
    "team": semconv.APP_TEAM,
    "workspace_id": semconv.APP_WORKSPACE_ID,
    "user_tier": semconv.APP_USER_TIER,
    "experiment": semconv.APP_EXPERIMENT,
    "environment": semconv.APP_ENVIRONMENT,
    "prompt_name": semconv.APP_PROMPT_NAME,
    "prompt_version": semconv.APP_PROMPT_VERSION,
}
"""Tag as it is named in code -> attribute on the span."""
ALIASES: Mapping[str, str] = {"tenant": "workspace_id", "workspace": "workspace_id"}
"""Other names of tags -> their short name."""
FIELDS: Mapping[str, str] = {
    "provider": semconv.LLM_PROVIDER,
    "model": semconv.LLM_MODEL,
    "operation": semconv.LLM_OPERATION,
    "status": semconv.LLM_COST_STATUS,
    "reason": semconv.LLM_COST_REASON,
    "source": semconv.LLM_COST_SOURCE,
    "tier": semconv.LLM_SERVICE_TIER,
    "pricing_version": semconv.LLM_PRICING_VERSION,
    "outcome": semconv.APP_OUTCOME,
    "session_id": "session.id",
    "error": "error.type",
}
"""What metrics may be broken down by beside tags -> attribute."""
METRIC_TAGS = ("provider", "model", "operation", "status", "feature", "environment", "team")
"""What metrics are broken down by unless a setting says otherwise."""
NAME = re.compile(r"app(\.[a-z][a-z0-9_]*)+")
NOT_TAGS = frozenset((semconv.APP_OUTCOME, semconv.APP_ATTRIBUTION_MISSING))

_registered: dict[str, str] = {}


def register(names: Mapping[str, str]) -> None:
    """Let tags be given by the short *names* of their attributes; ValueError when one cannot be used."""
    for name, attribute in names.items():
        if not name.isidentifier():
            raise ValueError(f"found the tag name {name!r}; expected an identifier, such as release")
        if name in ATTRIBUTES or name in ALIASES:
            raise ValueError(f"found the tag name {name!r}, which is taken; expected another name")
        _registered[name] = _tag(attribute)


def attribute_of(name: str) -> str:
    """Return the attribute of a tag, by its short name or its own; ValueError when there is none."""
    found = ATTRIBUTES.get(ALIASES.get(name, name)) or _registered.get(name)
    if found is not None:
        return found
    if name.startswith("app."):
        return _tag(name)
    raise ValueError(
        f"found the unknown tag {name!r}; expected one of {', '.join([*ATTRIBUTES, *ALIASES, *_registered])}, a name "
        f"under app. (such as app.{name.rpartition('.')[2]}), or a short name that the setting `tags` defines"
    )


def metric_attributes(names: Sequence[str]) -> tuple[str, ...]:
    """Return the attributes of metrics; ValueError when a name is unknown.

    Names that begin with + or - change the default, any others replace it; both together are refused.
    """
    changes = [name for name in names if name[:1] in ("+", "-")]
    if not changes:
        wanted = list(names)
    elif len(changes) == len(names):
        removed = {_metric_attribute(name[1:]) for name in changes if name[0] == "-"}
        added = [name[1:] for name in changes if name[0] == "+"]
        wanted = [name for name in METRIC_TAGS if _metric_attribute(name) not in removed] + added
    else:
        raise ValueError(f"found {', '.join(names)}; expected all names with + or -, or none")
    return tuple(dict.fromkeys(_metric_attribute(name) for name in wanted))


def _metric_attribute(name: str) -> str:
    return FIELDS.get(name) or (name if name in FIELDS.values() else attribute_of(name))


def _tag(attribute: str) -> str:
    if not NAME.fullmatch(attribute) or attribute in NOT_TAGS:
        raise ValueError(
            f"found the attribute {attribute!r}; expected a lower-case name under app., such as app.release"
        )
    return attribute
