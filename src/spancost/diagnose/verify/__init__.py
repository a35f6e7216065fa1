# SPDX-License-Identifier: Apache-2.0
"""Recomputes the costs and totals on spans with the rate card that they name, offline."""
