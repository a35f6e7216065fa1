# SPDX-License-Identifier: Apache-2.0
"""Configuration for a Collector that has no component of ours: standard rates as statements of `transform`."""
