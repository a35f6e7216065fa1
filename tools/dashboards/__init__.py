# SPDX-License-Identifier: Apache-2.0
"""Makes dashboards and alert rules of several backends from the tables in `dashboards/`."""
