# SPDX-License-Identifier: Apache-2.0
"""Making and keeping the rate card: the form that people edit, the compiler, and the imports from other catalogues."""
