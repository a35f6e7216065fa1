# SPDX-License-Identifier: Apache-2.0
"""A small support agent on real clients, traced, priced and shown in the terminal: no key, no network."""
