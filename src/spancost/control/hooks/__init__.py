# SPDX-License-Identifier: Apache-2.0
"""Budgets through the hook points of frameworks, for programs without capture. Each module needs its framework."""
