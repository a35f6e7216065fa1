// SPDX-License-Identifier: Apache-2.0

package contracts

import "math/big"

// What people write, once it is known to be in form. An amount, a count, a discount or a share that is not given is nil.

type contractForm struct {
	name        string
	attributes  []factKeys
	override    *overrideForm
	facts       []accountForm
	deployments []deploymentForm
	terms       []termForm
}

type factKeys struct {
	fact string
	keys []string
}

type overrideForm struct {
	attribute string
	mostUSD   *big.Rat
}

// matchForm are the texts of each condition.
type matchForm map[string][]string

type price struct {
	meter  string
	amount *big.Rat
}

type stepForm struct {
	above  int64
	meter  string
	prices []price
}

type fact struct{ dimension, text string }

type variantForm struct {
	when   []fact
	prices []price
	steps  []stepForm
}

type hardwareForm struct {
	usdPerGPUHour, gpus, share *big.Rat
	prices                     []price
}

type termForm struct {
	id            string
	match         matchForm
	from, until   *int64
	prices        []price
	steps         []stepForm
	variants      []variantForm
	skipModifiers []string
	discount      *big.Rat
	units         string
	hasUnits      bool
	hardware      *hardwareForm
}

type deploymentForm struct {
	match       matchForm
	model       string
	facts       []fact
	from, until *int64
}

// accountForm is what is stated of one's own account at a provider.
type accountForm struct {
	provider string
	facts    []fact
}
