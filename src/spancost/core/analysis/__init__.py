# SPDX-License-Identifier: Apache-2.0
"""Statistics of costs: intervals of means and ratios, forecasts of totals. Floats stay in here; money stays integer."""
