# SPDX-License-Identifier: Apache-2.0
"""The local page and the report as one HTML file: what calls cost, down to the trace, the span and the rate."""
