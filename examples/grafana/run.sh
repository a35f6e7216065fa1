#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Sends the spans of examples/existing_setup to a Grafana with Tempo on this machine. Start one first:
#   docker run --rm -p 127.0.0.1:3000:3000 -p 127.0.0.1:4318:4318 grafana/otel-lgtm
# then open http://127.0.0.1:3000, Explore, Tempo, and take a query from queries.traceql. Needs OPENAI_API_KEY.
set -eu
export OTEL_EXPORTER_OTLP_ENDPOINT="${OTEL_EXPORTER_OTLP_ENDPOINT:-http://127.0.0.1:4318}"
exec python "$(dirname "$0")/../existing_setup/main.py"
