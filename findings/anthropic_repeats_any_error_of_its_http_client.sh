#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Package:   anthropic 2.12.0, beside openai 3.54.0 (httpx2 2.x under both)
# Behaviour: an exception that the HTTP client given to `Anthropic(http_client=...)` raises, of any type, is taken for a lost
#            connection: the request is sent again, as often as max_retries says, and the application gets APIConnectionError
#            with the first exception as its cause. The openai client passes the same exception on at once.
# Why it matters: a budget or guard that stops a call in the transport (the layer that sees every call before bytes leave) is
#            asked three times for one call, waits twice, and the application does not see its refusal but a network error,
#            which its own retries then repeat. Who counts refusals counts three.
# Seen on 2026-11-30: openai Stop 1
#            anthropic APIConnectionError 3
# Exit:      0 while it is so, 1 when it changes, 77 where python3 or the packages cannot be had.
set -euo pipefail

command -v python3 >/dev/null || { echo "found no python3" >&2; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check anthropic==2.12.0 openai==3.54.0 \
  || { echo "the packages cannot be had here" >&2; exit 77; }

cat >"$folder/try.py" <<'PY'
import anthropic
import httpx2
import openai

attempts = []


class Stop(Exception):
    """A refusal before the request is sent."""


class Refusing(httpx2.BaseTransport):
    def handle_request(self, request):
        attempts.append(request.url.path)
        raise Stop("refused before anything was sent")


def tried(name, call):
    attempts.clear()
    try:
        call(httpx2.Client(transport=Refusing()))
    except Exception as error:
        print(name, type(error).__name__, len(attempts))


MESSAGES = [{"role": "user", "content": "hello"}]
tried("openai", lambda http: openai.OpenAI(api_key="none", http_client=http, max_retries=2).chat.completions.create(
    model="m", messages=MESSAGES))
tried("anthropic", lambda http: anthropic.Anthropic(api_key="none", http_client=http, max_retries=2).messages.create(
    model="m", max_tokens=1, messages=MESSAGES))
PY
found=$("$folder/venv/bin/python" "$folder/try.py")
echo "$found"
[ "$found" = "openai Stop 1
anthropic APIConnectionError 3" ]
