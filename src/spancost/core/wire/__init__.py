# SPDX-License-Identifier: Apache-2.0
"""Reads usage from a provider's HTTP answer, in any chunks."""
