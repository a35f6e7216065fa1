# SPDX-License-Identifier: Apache-2.0
"""Questions about calls at rest, one module a question: the calls table in, rows out."""
