# SPDX-License-Identifier: Apache-2.0
"""A provider on loopback that bills, and an OTLP receiver that keeps what it is sent: for tests, examples and the demo.

Nothing here imports the rest of the package except the receiver's users; the bill is made from its own price list, so
that a cost made by spancost and an amount made here agree only when both are right.
"""

from spancost.store.otlp_receiver import OtlpReceiver, ReceivedSpan
from spancost.testing.bill import Bill, Charge, PriceList
from spancost.testing.provider_server import Exchange, ProviderServer
from spancost.testing.reply import Reply, Scenario, ToolCall
from spancost.testing.usage import Usage

__all__ = [
    "Bill",
    "Charge",
    "Exchange",
    "OtlpReceiver",
    "PriceList",
    "ProviderServer",
    "ReceivedSpan",
    "Reply",
    "Scenario",
    "ToolCall",
    "Usage",
]
