# SPDX-License-Identifier: Apache-2.0
"""Bills of providers: exact lines from their files, reconciliation with calls, and the FOCUS file."""
