// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/dialect"
	"github.com/spancost/spancost/collector/cost/document"
	"github.com/spancost/spancost/collector/cost/ledger"
	"github.com/spancost/spancost/semconv"
)

// request is one ExportTraceServiceRequest, or what is wrong with it.
type request struct {
	value document.Value
	fault string
}

// enrich puts costs and totals on the spans of requests in OTLP's JSON form, one a line.
func enrich(args []string, in io.Reader, out *bufio.Writer) error {
	flags := flag.NewFlagSet("enrich", flag.ContinueOnError)
	each := flags.Bool("each", false, "every request is its own set of spans in hand")
	keep := flags.Bool("keep-provider", false, "an llm.provider already on a span stays as it is")
	responses := flags.Bool("read-responses", true, "take figures from the usage of the response in an attribute")
	emitters := flags.String("emitters", "", "read emitters as the JSON in this file describes them")
	contract := flags.String("contract", "", "price by the contract in this file beside the rate card")
	noResponses := flags.Bool("no-read-responses", false, "leave responses in attributes alone")
	if err := flags.Parse(args); err != nil {
		return err
	}
	ledger, dialects, err := newLedger(*keep, *responses && !*noResponses, *emitters, *contract)
	if err != nil {
		return err
	}
	var inHand []request
	failed := false
	take := func(found request) error {
		inHand = append(inHand, found)
		if !*each {
			return nil
		}
		bad, err := finish(inHand, ledger, dialects, out)
		failed, inHand = failed || bad, inHand[:0]
		return err
	}
	sources := []io.Reader{in}
	if flags.NArg() > 0 {
		sources = nil
	}
	for _, name := range flags.Args() {
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		defer file.Close()
		sources = append(sources, file)
	}
	for _, source := range sources {
		if err := requests(source, take); err != nil {
			return err
		}
	}
	bad, err := finish(inHand, ledger, dialects, out)
	if err == nil && (failed || bad) {
		err = errAnswered
	}
	return err
}

func newLedger(keepProvider, readResponses bool, emitters, contract string) (*ledger.Ledger, *dialect.Dialects, error) {
	card, err := cardFrom("")
	if err != nil {
		return nil, nil, err
	}
	options := dialect.Options{ReadResponses: readResponses}
	if emitters != "" {
		if options.Emitters, err = os.ReadFile(emitters); err != nil {
			return nil, nil, err
		}
	}
	dialects, err := dialect.NewDialects(semconv.Dialects, card.Providers(), options)
	if err != nil {
		return nil, nil, err
	}
	pricer, err := pricerOf(card, contract)
	if err != nil {
		return nil, nil, err
	}
	l := ledger.DefaultOptions()
	l.KeepProvider = keepProvider
	return ledger.New(dialects, pricer, l), dialects, nil
}

// requests takes one request a line, else the whole source as one.
func requests(source io.Reader, take func(request) error) error {
	whole := ""
	err := lines(source, func(number int, line string) error {
		if whole != "" {
			whole += line
			return nil
		}
		found := parsed(line, fmt.Sprintf("line %d", number))
		if start := strings.TrimSpace(line); found.fault != "" && number == 1 && (start == "{" || start == "[") {
			whole = line
			return nil
		}
		return take(found)
	})
	if err == nil && whole != "" {
		err = take(parsed(whole, "file"))
	}
	return err
}

func parsed(text, where string) request {
	value, err := document.Parse(text)
	if err != nil {
		return request{fault: fmt.Sprintf("%s: found no JSON (%v), expected an ExportTraceServiceRequest or ExportLogsServiceRequest", where, err)}
	}
	return request{value: value}
}

// finish enriches one set of spans held and writes its lines in order; it returns whether one was bad.
func finish(inHand []request, ledger *ledger.Ledger, dialects *dialect.Dialects, out *bufio.Writer) (bad bool, err error) {
	ledger.Clear()
	var all []carried
	var records []carriedRecord
	for n := range inHand {
		if inHand[n].fault != "" {
			continue
		}
		found, err := carriedSpans(inHand[n].value, ledger.Dialects())
		all = append(all, found...)
		if err == nil {
			var found []carriedRecord
			found, err = carriedRecords(inHand[n].value, dialects)
			records = append(records, found...)
		}
		if err != nil {
			inHand[n].fault = err.Error()
		}
	}
	enrichAll(all, records, ledger, dialects)
	for _, found := range inHand {
		answer := found.value
		if found.fault != "" {
			bad = true
			answer = refused(document.Value{}, found.fault)
		}
		if _, err := out.Write(append(document.Append(nil, answer), '\n')); err != nil {
			return bad, err
		}
	}
	return bad, nil
}

// enrichAll writes llm.* on the objects that spans and log records came from. Order, batches and copies do not matter: one
// given more than once is counted once and every copy gets the same attributes. A call that both report is counted once.
func enrichAll(all []carried, records []carriedRecord, l *ledger.Ledger, dialects *dialect.Dialects) {
	inHand := joined(all)
	inHand.place(records)
	repeats := inHand.repeats(dialects)
	var written ledger.Writes
	hasTotal := make([]bool, len(inHand.spans))
	for _, n := range ledger.ChildrenFirst(inHand.spans) {
		written.Clear()
		if repeats[n].Reason != "" {
			repeats[n].WriteTo(&written)
			inHand.spans[n].Attributes = nil
		}
		l.End(&inHand.spans[n], &written)
		if len(written.Put) == 0 {
			continue
		}
		hasTotal[n] = written.HasTotal()
		for _, raw := range inHand.copies[n] {
			put(raw, &written)
		}
	}
	incomplete := ledger.Writes{Put: []cost.Attribute{ledger.Incomplete()}}
	for _, n := range l.DoubtedRoots(inHand.spans) {
		for _, raw := range inHand.copies[n] {
			if hasTotal[n] {
				put(raw, &incomplete)
			}
		}
	}
}

// joined returns each span once, IsLocalRoot given by the service of its parent, and the objects that it came from.
func joined(all []carried) (found hand) {
	at := make(map[cost.SpanKey]int, len(all))
	spans, copies, services := []cost.Span(nil), [][]document.Value(nil), make([]string, 0, len(all))
	for n := range all {
		key := all[n].span.Key
		if known, again := at[key]; again {
			copies[known] = append(copies[known], all[n].raw)
			continue
		}
		at[key] = len(spans)
		spans = append(spans, all[n].span)
		copies = append(copies, []document.Value{all[n].raw})
		services = append(services, all[n].service)
	}
	for n := range spans {
		parent, known := at[spans[n].Parent]
		if !known {
			spans[n].Parent = cost.SpanKey{}
		}
		spans[n].IsChild = known
		spans[n].IsLocalRoot = !known || services[parent] != services[n]
	}
	return hand{spans: spans, copies: copies, services: services}
}
