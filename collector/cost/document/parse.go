// SPDX-License-Identifier: Apache-2.0

package document

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

const maxDepth = 990

// SyntaxError is what the text lacks, and where: the offset counts characters from 0.
type SyntaxError struct {
	What   string
	Offset int
	Line   int
	Column int
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s: line %d column %d (char %d)", e.What, e.Line, e.Column, e.Offset)
}

type parser struct {
	text string
	at   int
}

// Parse returns the value of a JSON text. NaN, Infinity and -Infinity are numbers; of equal keys the last one holds.
// A byte that is not UTF-8 is read as U+FFFD, before keys are compared.
func Parse(text string) (Value, error) {
	if !utf8.ValidString(text) {
		text = string([]rune(text))
	}
	p := &parser{text: text}
	p.space()
	value, err := p.value(0)
	if err != nil {
		return Value{}, err
	}
	p.space()
	if p.at != len(p.text) {
		return Value{}, p.fault("Extra data", p.at)
	}
	return value, nil
}

func (p *parser) fault(what string, at int) error {
	before := p.text[:min(at, len(p.text))]
	line := strings.Count(before, "\n") + 1
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	return &SyntaxError{what, utf8.RuneCountInString(before), line, column}
}

func (p *parser) space() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

func (p *parser) value(depth int) (Value, error) {
	if depth > maxDepth {
		return Value{}, p.fault("Nested too deeply", p.at)
	}
	rest := p.text[p.at:]
	switch {
	case rest == "":
	case rest[0] == '"':
		text, err := p.string()
		return OfString(text), err
	case rest[0] == '{':
		return p.object(depth)
	case rest[0] == '[':
		return p.list(depth)
	}
	for _, word := range words {
		if strings.HasPrefix(rest, word.text) {
			p.at += len(word.text)
			return word.value, nil
		}
	}
	return p.number()
}

var words = []struct {
	text  string
	value Value
}{
	{"null", Value{}},
	{"true", OfBool(true)},
	{"false", OfBool(false)},
	{"NaN", OfFloat(math.NaN())},
	{"Infinity", OfFloat(math.Inf(1))},
	{"-Infinity", OfFloat(math.Inf(-1))},
}

func (p *parser) number() (Value, error) {
	start, at := p.at, p.at
	if at < len(p.text) && p.text[at] == '-' {
		at++
	}
	whole := digits(p.text, at)
	if whole == at {
		return Value{}, p.fault("Expecting value", start)
	}
	if p.text[at] == '0' {
		whole = at + 1
	}
	end := whole
	if end+1 < len(p.text) && p.text[end] == '.' {
		if fraction := digits(p.text, end+1); fraction > end+1 {
			end = fraction
		}
	}
	if end < len(p.text) && (p.text[end] == 'e' || p.text[end] == 'E') {
		sign := end + 1
		if sign < len(p.text) && (p.text[sign] == '+' || p.text[sign] == '-') {
			sign++
		}
		if exponent := digits(p.text, sign); exponent > sign {
			end = exponent
		}
	}
	p.at = end
	if end == whole {
		return wholeNumber(p.text[start:end]), nil
	}
	f, _ := strconv.ParseFloat(p.text[start:end], 64)
	return Value{kind: Float, bits: math.Float64bits(f), text: p.text[start:end]}, nil
}

func wholeNumber(text string) Value {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return OfInt(n)
	}
	n, _ := new(big.Int).SetString(text, 10)
	return OfBig(n)
}

func digits(text string, at int) int {
	for at < len(text) && text[at] >= '0' && text[at] <= '9' {
		at++
	}
	return at
}

func (p *parser) list(depth int) (Value, error) {
	p.at++
	found := OfList()
	p.space()
	if p.at < len(p.text) && p.text[p.at] == ']' {
		p.at++
		return found, nil
	}
	for {
		item, err := p.value(depth + 1)
		if err != nil {
			return Value{}, err
		}
		found.Append(item)
		p.space()
		switch {
		case p.at < len(p.text) && p.text[p.at] == ']':
			p.at++
			return found, nil
		case p.at >= len(p.text) || p.text[p.at] != ',':
			return Value{}, p.fault("Expecting ',' delimiter", p.at)
		}
		p.at++
		p.space()
	}
}

func (p *parser) object(depth int) (Value, error) {
	p.at++
	found := NewMap()
	p.space()
	if p.at < len(p.text) && p.text[p.at] == '}' {
		p.at++
		return found, nil
	}
	many := map[string]int(nil)
	for {
		if p.at >= len(p.text) || p.text[p.at] != '"' {
			return Value{}, p.fault("Expecting property name enclosed in double quotes", p.at)
		}
		key, err := p.string()
		if err != nil {
			return Value{}, err
		}
		p.space()
		if p.at >= len(p.text) || p.text[p.at] != ':' {
			return Value{}, p.fault("Expecting ':' delimiter", p.at)
		}
		p.at++
		p.space()
		value, err := p.value(depth + 1)
		if err != nil {
			return Value{}, err
		}
		many = found.enter(key, value, many)
		p.space()
		switch {
		case p.at < len(p.text) && p.text[p.at] == '}':
			p.at++
			return found, nil
		case p.at >= len(p.text) || p.text[p.at] != ',':
			return Value{}, p.fault("Expecting ',' delimiter", p.at)
		}
		p.at++
		p.space()
	}
}

// enter is Set with an index of the keys once there are many of them, so that an object costs linear time.
func (v Value) enter(key string, held Value, many map[string]int) map[string]int {
	const few = 16
	if len(v.inner.keys) < few {
		v.Set(key, held)
		return nil
	}
	if many == nil {
		many = make(map[string]int, 4*few)
		for n, name := range v.inner.keys {
			many[name] = n
		}
	}
	if at, known := many[key]; known {
		v.inner.items[at] = held
		return many
	}
	many[key] = len(v.inner.keys)
	v.inner.keys = append(v.inner.keys, key)
	v.inner.items = append(v.inner.items, held)
	return many
}

func (p *parser) string() (string, error) {
	start := p.at
	p.at++
	from := p.at
	for p.at < len(p.text) && p.text[p.at] != '"' && p.text[p.at] != '\\' && p.text[p.at] >= 0x20 {
		p.at++
	}
	if p.at < len(p.text) && p.text[p.at] == '"' {
		p.at++
		return p.text[from : p.at-1], nil
	}
	var out strings.Builder
	out.WriteString(p.text[from:p.at])
	for p.at < len(p.text) {
		switch c := p.text[p.at]; {
		case c == '"':
			p.at++
			return out.String(), nil
		case c < 0x20:
			return "", p.fault("Invalid control character at", p.at)
		case c == '\\':
			if err := p.escape(&out, start); err != nil {
				return "", err
			}
		default:
			out.WriteByte(c)
			p.at++
		}
	}
	return "", p.fault("Unterminated string starting at", start)
}

func (p *parser) escape(out *strings.Builder, start int) error {
	at := p.at
	if at+1 >= len(p.text) {
		return p.fault("Unterminated string starting at", start)
	}
	letter := p.text[at+1]
	if letter != 'u' {
		plain := strings.IndexByte(`"\/bfnrt`, letter)
		if plain < 0 {
			return p.fault("Invalid \\escape", at)
		}
		out.WriteByte("\"\\/\b\f\n\r\t"[plain])
		p.at += 2
		return nil
	}
	first, ok := p.unit(at + 2)
	if !ok {
		return p.fault("Invalid \\uXXXX escape", at+1)
	}
	p.at += 6
	if utf16.IsSurrogate(first) && strings.HasPrefix(p.text[p.at:], `\u`) {
		if second, ok := p.unit(p.at + 2); ok {
			if both := utf16.DecodeRune(first, second); both != utf8.RuneError {
				p.at += 6
				out.WriteRune(both)
				return nil
			}
		}
	}
	out.WriteRune(first)
	return nil
}

func (p *parser) unit(at int) (rune, bool) {
	if at+4 > len(p.text) {
		return 0, false
	}
	n, err := strconv.ParseUint(p.text[at:at+4], 16, 32)
	return rune(n), err == nil
}
