# SPDX-License-Identifier: Apache-2.0
"""What spancost costs its host, and how it compares with others. Benchmarks print; they never gate anything."""
