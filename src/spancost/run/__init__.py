# SPDX-License-Identifier: Apache-2.0
"""Runs any Python program with costs on its spans, and records the spans for the parent process."""

from __future__ import annotations

FOLDER_VARIABLE = "_SPANCOST_RUN_FOLDER"
"""The environment variable with the folder for spans of a program that `spancost run` starts."""
