# SPDX-License-Identifier: Apache-2.0
"""What people set and write: settings, contracts, the packaged data, and the pricers made of them."""
