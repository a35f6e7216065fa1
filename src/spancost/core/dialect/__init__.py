# SPDX-License-Identifier: Apache-2.0
"""What a span says of a model call, whatever instrumentation wrote it."""
