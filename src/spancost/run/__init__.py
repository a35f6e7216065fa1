# SPDX-License-Identifier: Apache-2.0
"""Zero code around any Python program: costs on its spans, and a copy of them for the one who started it."""

from __future__ import annotations

FOLDER_VARIABLE = "_SPANCOST_RUN_FOLDER"
"""Names the folder for spans in the environment of a program that `spancost run` started."""
