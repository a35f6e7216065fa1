# SPDX-License-Identifier: Apache-2.0
"""What spancost makes of somebody's spans and set-up, and what to do where that is not what they want."""
