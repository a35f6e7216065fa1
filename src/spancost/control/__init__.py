# SPDX-License-Identifier: Apache-2.0
"""What acts on a call while it runs: guards before and after it."""
