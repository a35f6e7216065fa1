# SPDX-License-Identifier: Apache-2.0
"""OTLP in its JSON form to the core's spans and back; fields nobody here knows are kept as they are."""
