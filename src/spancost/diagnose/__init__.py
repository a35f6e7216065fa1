# SPDX-License-Identifier: Apache-2.0
"""What is found in spans, files and set-ups: `doctor` and `verify` as libraries."""
