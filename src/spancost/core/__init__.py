# SPDX-License-Identifier: Apache-2.0
"""The pure core: values in, values out. Nothing here reads a clock, a file, the environment or the network."""
