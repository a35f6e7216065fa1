#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Package:   litellm 1.110.2
# Behaviour: `Router.acompletion` and `Router.completion` are in no class of the router: an instance hands them out as methods of
#            another object (litellm.router_rust.core.RustCore). Setting Router.acompletion on the class shadows nothing that runs.
# Why it matters: instrumentations and budgets that wrap methods of the class (as OpenTelemetry instrumentations do, with wrapt)
#            find nothing to wrap, or wrap a name that no call goes through: calls of the router have no span and no limit, and no
#            error says so. They are reached through litellm's own callbacks, or at the HTTP client.
# Seen on 2026-11-30: in the class: False
#            runs as: litellm.router_rust.core RustCore
# Exit:      0 while it is so, 1 when it changes, 77 where python3 or the package cannot be had.
set -euo pipefail

command -v python3 >/dev/null || { echo "found no python3" >&2; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check litellm==1.110.2 \
  || { echo "the package cannot be had here" >&2; exit 77; }

cat >"$folder/try.py" <<'PY'
from litellm import Router

names = {name for each in Router.__mro__ for name in vars(each)}
router = Router(model_list=[{"model_name": "m", "litellm_params": {"model": "openai/m", "api_key": "none"}}])
method = router.acompletion
print("in the class:", "acompletion" in names)
print("runs as:", method.__module__, type(method.__self__).__name__)
PY
found=$(LITELLM_LOCAL_MODEL_COST_MAP=True "$folder/venv/bin/python" "$folder/try.py" 2>/dev/null)
echo "$found"
[ "$found" = "in the class: False
runs as: litellm.router_rust.core RustCore" ]
