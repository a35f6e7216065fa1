// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"sort"
	"strings"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/contract"
	"github.com/spancost/spancost/collector/cost/document"
	"github.com/spancost/spancost/collector/cost/ledger"
	"github.com/spancost/spancost/collector/cost/pricing"
	"github.com/spancost/spancost/collector/internal/contracts"
)

var (
	callTexts = []string{"request_model", "operation", "service_tier", "processing"}
	callKeys  = append([]string{"id", "provider", "model", "timestamp", "usage", "context", "duration_seconds"}, callTexts...)
)

// price answers every line of in, a call, with a line that holds its cost.
func price(args []string, in io.Reader, out *bufio.Writer) error {
	flags := flag.NewFlagSet("price", flag.ContinueOnError)
	file := flags.String("card", "", "price by the rate card in this file instead of the newest one")
	contract := flags.String("contract", "", "price by the contract in this file beside the rate card")
	if err := flags.Parse(args); err != nil {
		return err
	}
	card, err := cardFrom(*file)
	if err != nil {
		return err
	}
	pricer, err := pricerOf(card, *contract)
	if err != nil {
		return err
	}
	failed := false
	err = lines(in, func(_ int, line string) error {
		answer := answerTo(line, pricer)
		failed = failed || answer.Has("error")
		_, err := out.Write(append(document.Append(nil, answer), '\n'))
		return err
	})
	if err == nil && failed {
		err = errAnswered
	}
	return err
}

// itemizes prices calls, and is what a cost is made of.
type itemizes interface {
	ledger.Prices
	LineItems(call *cost.Call) ([]cost.LineItem, cost.Cost)
}

// pricerOf returns what prices by a card and the contract in a file, if one is named.
func pricerOf(card *pricing.RateCard, file string) (itemizes, error) {
	list := pricing.NewPricer(card)
	if file == "" {
		return list, nil
	}
	// The words of a contract are those of the newest card, whatever card prices.
	newest, err := cardFrom("")
	if err != nil {
		return nil, err
	}
	agreed, err := contracts.Load(file, newest)
	if err != nil {
		return nil, err
	}
	if agreed.IsOfFactsOnly() {
		return agreed.AccountPricer(card), nil
	}
	return contract.NewPricer(list, agreed)
}

func answerTo(line string, pricer itemizes) document.Value {
	row, err := document.Parse(line)
	if err != nil {
		return refused(document.Value{}, fmt.Sprintf("found no JSON (%v); expected an object", err))
	}
	if row.Kind() != document.Map {
		return refused(document.Value{}, fmt.Sprintf("found %s; expected an object", kind(row)))
	}
	call, err := callOf(row)
	if err != nil {
		return refused(row.Get("id"), err.Error())
	}
	items, total := pricer.LineItems(call)
	answer := document.NewMap()
	answer.Set("id", row.Get("id"))
	answer.Set("status", document.OfString(total.Status))
	if total.Reason != "" {
		answer.Set("reason", document.OfString(total.Reason))
	}
	answer.Set("cost_usd", document.Value{})
	if total.Known {
		answer.Set("cost_usd", document.OfString(total.Femto.Text()))
	}
	if _, agreed := pricer.(*contract.Pricer); agreed {
		answer.Set("cost_source", textOrNull(total.Source))
		answer.Set("list_cost_usd", document.Value{})
		if total.ListKnown {
			answer.Set("list_cost_usd", document.OfString(total.List.Text()))
		}
	}
	listed := document.OfList()
	for _, item := range items {
		listed.Append(itemOf(item))
	}
	answer.Set("line_items", listed)
	answer.Set("pricing_version", document.OfString(pricer.Version()))
	answer.Set("rate_id", textOrNull(total.RateID))
	return answer
}

func refused(id document.Value, fault string) document.Value {
	answer := document.NewMap()
	answer.Set("id", id)
	answer.Set("error", document.OfString(fault))
	return answer
}

func itemOf(item cost.LineItem) document.Value {
	row := document.NewMap()
	row.Set("meter", document.OfString(item.Meter))
	row.Set("quantity", numberOf(item.Quantity))
	row.Set("price", document.OfString(item.Price))
	row.Set("per", document.OfInt(item.Per))
	row.Set("cost_usd", document.OfString(item.Femto.Text()))
	return row
}

func numberOf(quantity cost.Quantity) document.Value {
	if n, whole := quantity.Int(); whole {
		return document.OfInt(n)
	}
	f, _ := quantity.Rat().Float64()
	return document.OfFloat(f)
}

func textOrNull(text string) document.Value {
	if text == "" {
		return document.Value{}
	}
	return document.OfString(text)
}

// callOf returns the call that a row describes; the error names the first key that is wrong.
func callOf(row document.Value) (*cost.Call, error) {
	if err := onlyKnown(row); err != nil {
		return nil, err
	}
	call := &cost.Call{}
	var err error
	for _, field := range []struct {
		key      string
		into     *string
		required bool
	}{{"provider", &call.Provider, true}, {"model", &call.Model, true}} {
		if *field.into, err = text(row, field.key, field.required); err != nil {
			return nil, err
		}
	}
	usage := row.Get("usage")
	if usage.Kind() != document.Map {
		return nil, fmt.Errorf("usage: found %s; expected an object of meters and quantities", kind(usage))
	}
	for n, meter := range usage.Keys() {
		if quantity := usage.Items()[n]; !quantity.IsNull() {
			call.Usage = append(call.Usage, cost.AmountOfText(meter, quantity))
		}
	}
	if call.AtNs, err = nanoseconds(row.Get("timestamp")); err != nil {
		return nil, err
	}
	if call.Context, err = context(row.Get("context")); err != nil {
		return nil, err
	}
	if err := duration(row.Get("duration_seconds"), call); err != nil {
		return nil, err
	}
	operation := ""
	for n, into := range []*string{&call.RequestModel, &operation, &call.ServiceTier, &call.Processing} {
		if *into, err = text(row, callTexts[n], false); err != nil {
			return nil, err
		}
	}
	return call, nil
}

// duration takes how long a call took; what contracts charge by time is priced by it.
func duration(value document.Value, call *cost.Call) error {
	if value.IsNull() {
		return nil
	}
	const longest = 1_000_000_000
	amount := cost.AmountOfText("", value)
	if amount.Bad || amount.Quantity.Sign() < 0 || amount.Quantity.Cmp(cost.Whole(longest)) >= 0 {
		return fmt.Errorf("duration_seconds: found %s; expected seconds from 0 to %d", kind(value), longest)
	}
	call.DurationNs, call.HasDuration = amount.Quantity.Nano(), true
	return nil
}

func onlyKnown(row document.Value) error {
	known := append([]string(nil), callKeys...)
	sort.Strings(known)
	keys := append([]string(nil), row.Keys()...)
	sort.Strings(keys)
	for _, key := range keys {
		if at := sort.SearchStrings(known, key); at == len(known) || known[at] != key {
			return fmt.Errorf("%s: found a key that is not known; expected one of %s", key, strings.Join(known, ", "))
		}
	}
	return nil
}

func context(value document.Value) ([]cost.Fact, error) {
	if value.IsNull() {
		return nil, nil
	}
	if value.Kind() != document.Map {
		return nil, fmt.Errorf("context: found %s; expected an object of texts", kind(value))
	}
	var facts []cost.Fact
	for n, key := range value.Keys() {
		held := value.Items()[n]
		if held.IsNull() {
			continue
		}
		text, ok := held.Text()
		if !ok {
			return nil, fmt.Errorf("context.%s: found %s; expected a string", key, kind(held))
		}
		facts = append(facts, cost.Fact{Dimension: key, Value: text})
	}
	return facts, nil
}

func text(row document.Value, key string, required bool) (string, error) {
	value := row.Get(key)
	if value.IsNull() && (!required || row.Has(key)) {
		return "", nil
	}
	found, ok := value.Text()
	if !ok {
		return "", fmt.Errorf("%s: found %s; expected a string", key, kind(value))
	}
	return found, nil
}

func kind(value document.Value) string {
	switch value.Kind() {
	case document.Null:
		return "nothing"
	case document.Bool:
		return "a boolean"
	case document.String:
		return "a string"
	case document.List:
		return "a list"
	case document.Map:
		return "an object"
	}
	return "a number"
}
