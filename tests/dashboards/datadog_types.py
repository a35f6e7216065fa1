# SPDX-License-Identifier: Apache-2.0
"""Prints what the types of Datadog's API client do not take of dashboards: `python datadog_types.py FILE...`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from datadog_api_client.configuration import Configuration
from datadog_api_client.model_utils import validate_and_convert_types
from datadog_api_client.v1.model.dashboard import Dashboard


def wrong(path: Path) -> str:
    """Return what is wrong with a dashboard, "" for nothing."""
    content = json.loads(path.read_text(encoding="utf-8"))
    try:
        found = validate_and_convert_types(content, (Dashboard,), [path.name], True, True, Configuration())
    except (TypeError, ValueError) as error:
        return f"{path.name}: {error}"
    strange = [number for number, widget in enumerate(found.widgets) if widget._unparsed]
    return f"{path.name}: widgets {strange} are of no known type" if found._unparsed else ""


if __name__ == "__main__":
    said = [text for name in sys.argv[1:] if (text := wrong(Path(name)))]
    print("\n".join(said))
    sys.exit(bool(said))
