// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/dialect"
	"github.com/spancost/spancost/collector/cost/document"
	"github.com/spancost/spancost/collector/cost/ledger"
)

// carried is a span of a request in OTLP's JSON form: the object it came from, to be written to, the span, and the
// service it belongs to.
type carried struct {
	raw     document.Value
	span    cost.Span
	service string
}

// carriedSpans returns every span of a request; on an error those before it.
func carriedSpans(request document.Value, dialects *dialect.Dialects) (found []carried, err error) {
	resources, err := list(request, "resourceSpans", "request")
	if err != nil {
		return nil, err
	}
	for r, resourceSpans := range resources {
		at := fmt.Sprintf("resourceSpans[%d]", r)
		resource, err := part(resourceSpans, "resource", at)
		if err != nil {
			return found, err
		}
		about, err := attributesOf(resource, at+".resource")
		if err != nil {
			return found, err
		}
		service := serviceOf(about)
		process := dialects.Process(func(key string) string { return textOrWhole(about.Get(key)) })
		scopes, err := list(resourceSpans, "scopeSpans", at)
		if err != nil {
			return found, err
		}
		for s, scopeSpans := range scopes {
			at := fmt.Sprintf("%s.scopeSpans[%d]", at, s)
			scope, err := part(scopeSpans, "scope", at)
			if err != nil {
				return found, err
			}
			spans, err := list(scopeSpans, "spans", at)
			if err != nil {
				return found, err
			}
			for n, raw := range spans {
				span, err := spanOf(raw, scope, fmt.Sprintf("%s.spans[%d]", at, n))
				if err != nil {
					return found, err
				}
				span.Resource, span.Process = about, process
				span.Language, _ = about.Get("telemetry.sdk.language").Text()
				found = append(found, carried{raw, span, service})
			}
		}
	}
	return found, nil
}

// serviceOf returns what reports the service that a resource with these attributes is.
func serviceOf(about cost.Attributes) string {
	var service []string
	for _, key := range []string{"namespace", "name", "instance.id"} {
		service = append(service, plainText(about.Get("service."+key)))
	}
	return strings.Join(service, "\x00")
}

func spanOf(raw, scope document.Value, where string) (span cost.Span, err error) {
	if raw.Kind() != document.Map {
		return span, object(raw, where)
	}
	parent := uint64(0)
	if raw.Get("parentSpanId").Truthy() {
		if _, parent, err = id(raw, "parentSpanId", where); err != nil {
			return span, err
		}
	}
	high, low, err := id(raw, "traceId", where)
	if err != nil {
		return span, err
	}
	span.Key.Trace = [2]uint64{high, low}
	if _, span.Key.ID, err = id(raw, "spanId", where); err != nil {
		return span, err
	}
	if parent != 0 {
		span.Parent = cost.SpanKey{Trace: span.Key.Trace, ID: parent}
	}
	span.IsLocalRoot = parent == 0
	if span.StartNs, err = whole(raw, "startTimeUnixNano", where); err != nil {
		return span, err
	}
	if span.EndNs, err = whole(raw, "endTimeUnixNano", where); err != nil {
		return span, err
	}
	span.ScopeName, span.ScopeVersion = textOr(scope.Get("name")), textOr(scope.Get("version"))
	span.Name = textOr(raw.Get("name"))
	code := raw.Get("status").Get("code")
	text, _ := code.Text()
	number, _ := code.Int()
	if span.IsError = text == "STATUS_CODE_ERROR" || number == 2; span.IsError {
		if span.Raised, err = raised(raw, where); err != nil {
			return span, err
		}
	}
	span.Attributes, err = attributesOf(raw, where)
	return span, err
}

// raised returns the type of the last exception recorded on a span, "" when none is.
func raised(raw document.Value, where string) (string, error) {
	events, err := list(raw, "events", where)
	if err != nil {
		return "", err
	}
	for n := len(events) - 1; n >= 0; n-- {
		if name, _ := events[n].Get("name").Text(); name != "exception" {
			continue
		}
		attributes, err := attributesOf(events[n], where)
		if err != nil {
			return "", err
		}
		found, _ := attributes.Get("exception.type").Text()
		return found, nil
	}
	return "", nil
}

func attributesOf(holder document.Value, where string) (cost.Attributes, error) {
	entries, err := list(holder, "attributes", where)
	if err != nil {
		return nil, err
	}
	found := make(cost.Attributes, 0, len(entries))
next:
	for n, entry := range entries {
		if entry.Kind() != document.Map {
			return nil, object(entry, fmt.Sprintf("%s.attributes[%d]", where, n))
		}
		key, isText := entry.Get("key").Text()
		value := held(entry.Get("value"))
		if !isText || value.IsNull() {
			continue
		}
		for n := range found {
			if found[n].Key == key {
				found[n].Value = value
				continue next
			}
		}
		found = append(found, cost.Attribute{Key: key, Value: value})
	}
	return found, nil
}

// held returns what an AnyValue object holds, null when it is empty or of an unknown kind.
func held(value document.Value) document.Value {
	for n, kind := range value.Keys() {
		inner := value.Items()[n]
		switch kind {
		case "intValue":
			return wholeOrSelf(inner)
		case "arrayValue":
			items := document.OfList()
			for _, item := range inner.Get("values").Items() {
				items.Append(held(item))
			}
			return items
		case "kvlistValue":
			pairs := document.NewMap()
			for _, item := range inner.Get("values").Items() {
				if key, isText := item.Get("key").Text(); isText {
					pairs.Set(key, held(item.Get("value")))
				}
			}
			return pairs
		case "stringValue", "boolValue", "doubleValue":
			return inner
		}
	}
	return document.Value{}
}

func wholeOrSelf(value document.Value) document.Value {
	if text, isText := value.Text(); isText {
		if n := wholeOf(text); n != nil {
			return document.OfBig(n)
		}
	}
	if value.Kind() == document.Bool {
		if value.Bool() {
			return document.OfInt(1)
		}
		return document.OfInt(0)
	}
	return value
}

// wholeOf returns the whole number in a text, nil when it holds none.
func wholeOf(text string) *big.Int {
	digits := strings.TrimSpace(text)
	unsigned := strings.TrimLeft(digits, "+-")
	if len(digits)-len(unsigned) > 1 || strings.HasPrefix(unsigned, "_") || strings.HasSuffix(unsigned, "_") ||
		strings.Contains(unsigned, "__") {
		return nil
	}
	n, ok := new(big.Int).SetString(strings.ReplaceAll(strings.TrimPrefix(digits, "+"), "_", ""), 10)
	if !ok {
		return nil
	}
	return n
}

// put sets attributes on the span object raw: one that is there already is replaced in its place.
func put(raw document.Value, written *ledger.Writes) {
	attributes := raw.Get("attributes")
	if attributes.Kind() != document.List {
		attributes = document.OfList()
		raw.Set("attributes", attributes)
	}
	places := map[string]int{}
	for n, entry := range attributes.Items() {
		if key, isText := entry.Get("key").Text(); isText {
			places[key] = n
		}
	}
	for _, attribute := range written.Put {
		entry := document.NewMap()
		entry.Set("key", document.OfString(attribute.Key))
		entry.Set("value", anyValue(attribute.Value))
		if n, known := places[attribute.Key]; known {
			attributes.Replace(n, entry)
		} else {
			attributes.Append(entry)
		}
	}
}

func anyValue(value document.Value) document.Value {
	kind, inner := "stringValue", value
	switch value.Kind() {
	case document.Bool:
		kind = "boolValue"
	case document.Float:
		kind = "doubleValue"
	case document.Int:
		n, _ := value.Int()
		kind, inner = "intValue", document.OfString(strconv.FormatInt(n, 10))
	}
	found := document.NewMap()
	found.Set(kind, inner)
	return found
}

// textOrWhole returns a text, or a whole number in digits; "" for any other value.
func textOrWhole(value document.Value) string {
	if text, isText := value.Text(); isText {
		return text
	}
	if value.Kind() == document.Int {
		return document.Shown(value)
	}
	return ""
}
