#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Sends the spans of examples/existing_setup to Honeycomb. Needs HONEYCOMB_API_KEY (an ingest key) and OPENAI_API_KEY;
# for the EU instance set OTEL_EXPORTER_OTLP_ENDPOINT=https://api.eu1.honeycomb.io.
set -eu
: "${HONEYCOMB_API_KEY:?set it to an ingest key of your environment}"
export OTEL_EXPORTER_OTLP_ENDPOINT="${OTEL_EXPORTER_OTLP_ENDPOINT:-https://api.honeycomb.io}"
export OTEL_EXPORTER_OTLP_HEADERS="x-honeycomb-team=$HONEYCOMB_API_KEY"
exec python "$(dirname "$0")/../existing_setup/main.py"
