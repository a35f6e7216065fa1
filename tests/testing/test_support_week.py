# SPDX-License-Identifier: Apache-2.0
"""The generated week is the same every time, and shows what its description says."""

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from pathlib import Path

from spancost.store.calls import call_records, open_calls
from spancost.testing.support_week import RUNAWAY_CALLS, json_lines


def test_the_same_seed_gives_the_same_bytes() -> None:
    """Twice in a process; another seed gives another week."""
    first, again, other = (sha256(json_lines(seed, 20).encode()).hexdigest() for seed in (7, 7, 8))
    assert first == again != other


def test_the_week_has_what_it_says(tmp_path: Path) -> None:
    """Tenants, experiments, prompt versions, outcomes, scores, a runaway, a model without a price."""
    path = tmp_path / "week.jsonl"
    path.write_text(json_lines(conversations=60), encoding="utf-8")
    records = list(call_records([str(path)]))
    assert {record.tags["app.workspace_id"] for record in records} == {"acme", "birch", "cedar"}
    assert len({record.tags.get("app.experiment") for record in records} - {None}) == 4
    assert {record.prompt_version for record in records} == {None, "v3", "v4"}
    assert {record.outcome for record in records} == {"success", "failure", "escalated"}
    assert max(Counter(record.trace_id for record in records).values()) == RUNAWAY_CALLS
    assert {record.model for record in records if record.status == "unpriced"} == {"acme-tone-2"}
    assert {record.status for record in records} == {"priced", "unpriced"}
    with open_calls([str(path)]) as calls:
        ((scored,),) = calls.engine.rows("SELECT count(*) FROM traces WHERE scores['helpfulness'] BETWEEN 0 AND 1")
        assert scored > 10
