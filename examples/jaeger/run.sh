#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Sends the spans of examples/existing_setup to a Jaeger on this machine. Start one first:
#   docker run --rm -p 127.0.0.1:16686:16686 -p 127.0.0.1:4318:4318 cr.jaegertracing.io/jaegertracing/jaeger:2.20.0
# then look at http://127.0.0.1:16686. Needs OPENAI_API_KEY.
set -eu
export OTEL_EXPORTER_OTLP_ENDPOINT="${OTEL_EXPORTER_OTLP_ENDPOINT:-http://127.0.0.1:4318}"
exec python "$(dirname "$0")/../existing_setup/main.py"
