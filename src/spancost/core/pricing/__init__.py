# SPDX-License-Identifier: Apache-2.0
"""What a call costs: the rate card, how a model is matched to an entry of it, and the exact price."""
