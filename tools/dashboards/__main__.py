# SPDX-License-Identifier: Apache-2.0
"""Generate the dashboards and rules in `dashboards/` from their tables.

Run as `python -m tools.dashboards [--check]`.
"""

from __future__ import annotations

import sys

from tools.dashboards.generate import TARGETS
from tools.generated import main

if __name__ == "__main__":
    sys.exit(main(__doc__ or "", TARGETS, sys.argv[1:]))
