# SPDX-License-Identifier: Apache-2.0
"""Whether the costs and totals on spans are what the rate card they name makes of them: offline, years later."""
