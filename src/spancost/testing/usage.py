# SPDX-License-Identifier: Apache-2.0
"""What one served call used, as its provider counts it."""

from __future__ import annotations

from typing import NamedTuple


class Usage(NamedTuple):
    """Counts of one call, by meter; totals are inclusive.

    input_tokens holds cache reads and every cache write; output_tokens holds reasoning. cache_write_tokens are writes
    of providers that know no time to live; the 5m and 1h writes are beside it, not inside it. web_searches: requests.
    """

    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    web_searches: int = 0

    @property
    def written(self) -> int:
        """Tokens written to the cache, of every time to live."""
        return self.cache_write_tokens + self.cache_write_5m_tokens + self.cache_write_1h_tokens

    @property
    def plain_input(self) -> int:
        """Input tokens neither read from nor written to the cache."""
        return self.input_tokens - self.cache_read_tokens - self.written
