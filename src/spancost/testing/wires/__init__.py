# SPDX-License-Identifier: Apache-2.0
"""The forms in which sellers take requests and give answers, one file a form."""
