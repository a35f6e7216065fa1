# SPDX-License-Identifier: Apache-2.0
"""What a provider's HTTP answer says was used, fed in any chunks."""
