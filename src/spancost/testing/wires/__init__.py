# SPDX-License-Identifier: Apache-2.0
"""The forms in which providers take requests and give answers, one file a form."""
