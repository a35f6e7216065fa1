# SPDX-License-Identifier: Apache-2.0
"""Which span is the call, the totals above it, and what is written on each span."""
