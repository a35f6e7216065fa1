# SPDX-License-Identifier: Apache-2.0
"""ClickHouse as an engine: the only module that imports clickhouse-connect.

It reads the views `calls`, `traces` and `spans` of `store/clickhouse_ddl.py`, and writes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

import clickhouse_connect

from spancost.store.pricing_choice import SourceError
from spancost.store.sql import CLICKHOUSE

_PORTS = {"clickhouse": 8123, "clickhouses": 8443}


class ClickHouseEngine:
    """A connection; `client` is a clickhouse-connect client whose database has the views."""

    dialect = CLICKHOUSE
    sums = None
    is_shared = False

    def __init__(self, client: Any, where: str = "ClickHouse") -> None:
        self._client = client
        self._where = where

    @classmethod
    def at(cls, url: str) -> ClickHouseEngine:
        """Connect to `clickhouse://user:password@host:port/database`; SourceError, without password, when it fails."""
        parts = urlsplit(url)
        where = f"{parts.scheme}://{parts.hostname}:{parts.port or _PORTS[parts.scheme]}{parts.path}"
        logging.getLogger("clickhouse_connect").addHandler(logging.NullHandler())  # the error below says it
        try:
            client = clickhouse_connect.get_client(
                host=parts.hostname or "localhost",
                port=parts.port or _PORTS[parts.scheme],
                username=unquote(parts.username) if parts.username else None,
                password=unquote(parts.password or ""),
                database=parts.path.strip("/") or "otel",
                secure=parts.scheme == "clickhouses",
            )
        except Exception as error:  # connection, authentication, protocol
            raise SourceError(f"{where}: {_first_line(error, parts.password)}") from None
        return cls(client, where)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return all rows of a query; SourceError when the server refuses it."""
        try:
            return [tuple(row) for row in self._client.query(sql).result_rows]
        except Exception as error:  # the views are missing, say
            raise SourceError(f"{self._where}: {_first_line(error)} (see `spancost clickhouse check`)") from None

    def each(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query one by one."""
        with self._client.query_rows_stream(sql) as stream:
            yield from (tuple(row) for row in stream)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def _first_line(error: Exception, secret: str | None = None) -> str:
    text = (str(error).splitlines() or [type(error).__name__])[0][:300]
    return text.replace(secret, "***") if secret else text
