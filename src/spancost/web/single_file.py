# SPDX-License-Identifier: Apache-2.0
"""The overview as one HTML file: opens from disk, needs no network, runs no code but its own."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from spancost.web.server import STATIC

_MODULES = ("format.js", "chart.js", "budgets.js", "overview.js")
_IMPORT = re.compile(r"^import .*?;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export ", re.MULTILINE)
_START = """
const given = JSON.parse(document.getElementById("data").textContent);
const place = { isFile: true, where: given.where, since: given.since, until: given.until,
  link: () => null, trace: () => null, call: () => null, go: () => null };
document.getElementById("main").replaceChildren(...overview(given.overview, place, given).filter(Boolean));
"""


def single_file(answers: Mapping[str, Any], filters: Mapping[str, Any], title: str) -> str:
    """Return the page. *answers*: what the page's questions `overview`, `works`, `budgets` and `anomalies` answer.

    filters: `since`, `until` (text or None) and `where` (a list), which the page names.
    """
    style = (STATIC / "page.css").read_text(encoding="utf-8")
    script = _script()
    data = json.dumps({**answers, **filters}, separators=(",", ":"))
    data = data.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    policy = f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; base-uri 'none'"
    shown = title.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="color-scheme" content="light dark">\n<title>{shown}</title>\n<style>{style}</style>\n</head>\n'
        f'<body>\n<main id="main"></main>\n<script type="application/json" id="data">{data}</script>\n'
        f'<script type="module">{script}</script>\n</body>\n</html>\n'
    )


def _script() -> str:
    """Return the modules as one, without their imports and exports."""
    parts = []
    for name in _MODULES:
        text = (STATIC / name).read_text(encoding="utf-8")
        parts.append(_EXPORT.sub("", _IMPORT.sub("", text)))
    return "\n".join([*parts, _START])


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
