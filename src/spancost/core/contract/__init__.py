# SPDX-License-Identifier: Apache-2.0
"""What was agreed instead of list prices: negotiated rates, discounts, hardware, overrides."""
