# SPDX-License-Identifier: Apache-2.0
"""Reads model calls from spans of any instrumentation."""
