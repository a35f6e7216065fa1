// SPDX-License-Identifier: Apache-2.0

// Package contract prices calls by what a customer agreed with providers: rates, discounts, hardware, deployments.
package contract
