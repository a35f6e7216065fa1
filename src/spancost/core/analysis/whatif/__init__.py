# SPDX-License-Identifier: Apache-2.0
"""What calls would have cost: changes of a model, a cache, a tier or a card, applied to records of calls."""
