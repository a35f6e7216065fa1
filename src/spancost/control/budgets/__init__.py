# SPDX-License-Identifier: Apache-2.0
"""Budgets at run time: what is reserved before a call and settled after it, in the process or in a store of a fleet."""
