# SPDX-License-Identifier: Apache-2.0
"""Budgets as pure values: limits, windows, estimates and the ledger of what is settled and reserved."""
