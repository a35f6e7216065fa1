# SPDX-License-Identifier: Apache-2.0
"""Everything that imports the OpenTelemetry SDK: the processor, attribution, baggage, outcomes."""
