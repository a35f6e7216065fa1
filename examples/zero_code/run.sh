#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Nothing in the program changes: opentelemetry-instrument finds the instrumentation of openai, and spancost.
set -eu
export OTEL_SERVICE_NAME="${OTEL_SERVICE_NAME:-zero-code}"
export OTEL_TRACES_EXPORTER=otlp OTEL_METRICS_EXPORTER=none OTEL_LOGS_EXPORTER=none
export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
exec opentelemetry-instrument python "$(dirname "$0")/app.py"
