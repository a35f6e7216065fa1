// SPDX-License-Identifier: Apache-2.0

package dialect

import (
	"errors"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/document"
)

const (
	maxEncoded = 65_536
	maxNesting = 16

	maxNestingOfJSON = 990
)

// decoded returns the value that a text encodes in JSON or as a Python literal, null when it cannot be read. Nothing is
// evaluated: a call such as Details(cached_tokens=3) reads as the map of its arguments, an unknown word as null.
func decoded(text string) document.Value {
	if len(text) > maxEncoded && utf8.RuneCountInString(text) > maxEncoded {
		return document.Value{}
	}
	if mayBeJSON(text) {
		if value, err := document.Parse(text); err == nil {
			return value
		}
	}
	scanner := &literalScanner{text: text, nesting: maxNesting}
	if strings.HasPrefix(text, "{'") && !strings.ContainsAny(text, "\"\\") {
		// Differs from JSON in its quotes only, and is read as deep as JSON is.
		scanner.nesting = maxNestingOfJSON
	}
	value, err := scanner.value(0)
	if err != nil {
		return document.Value{}
	}
	return value
}

func mayBeJSON(text string) bool {
	return !strings.HasPrefix(text, "{'") && !strings.HasPrefix(text, "['")
}

// textOf returns a value as plain text: a JSON text loses its quotes, of a list the first element is taken.
func textOf(value document.Value) string {
	switch value.Kind() {
	case document.String:
		text, _ := value.Text()
		if IsReadAsItStands(text) {
			return text
		}
		inner := decoded(text)
		if same, isText := inner.Text(); inner.IsNull() || (isText && same == text) {
			return text
		}
		return textOf(inner)
	case document.List:
		if items := value.Items(); len(items) > 0 {
			return textOf(items[0])
		}
	}
	return ""
}

// getPath returns what lies at a path inside nested maps, null when it is not there.
func getPath(value document.Value, path []string) document.Value {
	for _, step := range path {
		value = value.Get(step)
	}
	return value
}

var errUnreadable = errors.New("no literal of the kind read here")

// literalScanner reads one Python literal from left to right.
type literalScanner struct {
	text    string
	at      int
	nesting int
}

type tokenKind uint8

const (
	tokenNone tokenKind = iota
	tokenPunct
	tokenText
	tokenNumber
	tokenWord
)

// scan returns the next token and where it ends, without moving on.
func (s *literalScanner) scan() (kind tokenKind, token string, end int) {
	at := s.at
	for at < len(s.text) {
		r, size := utf8.DecodeRuneInString(s.text[at:])
		if !cost.IsSpace(r) {
			break
		}
		at += size
	}
	if at >= len(s.text) {
		return tokenNone, "", at
	}
	switch c := s.text[at]; {
	case strings.IndexByte("{}[]():,=", c) >= 0:
		return tokenPunct, s.text[at : at+1], at + 1
	case c == '"' || c == '\'':
		for end = at + 1; end < len(s.text); end++ {
			if s.text[end] == '\\' {
				end++
			} else if s.text[end] == c {
				return tokenText, s.text[at : end+1], end + 1
			}
		}
		return tokenNone, "", at
	case c == '-' || isDigit(c):
		if end = numberEnd(s.text, at); end > at {
			return tokenNumber, s.text[at:end], end
		}
	case c == '_' || (c|0x20 >= 'a' && c|0x20 <= 'z'):
		end = at + strings.IndexFunc(s.text[at:], notOfWord)
		if end < at {
			end = len(s.text)
		}
		return tokenWord, s.text[at:end], end
	}
	return tokenNone, "", at
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func notOfWord(r rune) bool {
	return r != '_' && r != '.' && !unicode.IsLetter(r) && !unicode.IsNumber(r)
}

// numberEnd returns where the number that begins at an offset ends: -?\d+(\.\d+)?([eE][+-]?\d+)?; the offset for none.
func numberEnd(text string, at int) int {
	digits := func(from int) int {
		for from < len(text) && isDigit(text[from]) {
			from++
		}
		return from
	}
	start := at
	if text[at] == '-' {
		at++
	}
	end := digits(at)
	if end == at {
		return start
	}
	if end < len(text) && text[end] == '.' {
		if fraction := digits(end + 1); fraction > end+1 {
			end = fraction
		}
	}
	if end < len(text) && text[end]|0x20 == 'e' {
		sign := end + 1
		if sign < len(text) && (text[sign] == '+' || text[sign] == '-') {
			sign++
		}
		if exponent := digits(sign); exponent > sign {
			end = exponent
		}
	}
	return end
}

func (s *literalScanner) token() (tokenKind, string, error) {
	kind, token, end := s.scan()
	if kind == tokenNone {
		return kind, "", errUnreadable
	}
	s.at = end
	return kind, token, nil
}

func (s *literalScanner) peek() string {
	_, token, _ := s.scan()
	return token
}

func (s *literalScanner) value(depth int) (document.Value, error) {
	kind, token, err := s.token()
	if err != nil || depth > s.nesting {
		return document.Value{}, errUnreadable
	}
	switch {
	case kind == tokenText:
		return document.OfString(token[1 : len(token)-1]), nil
	case kind == tokenNumber:
		return numberOf(token), nil
	case kind == tokenWord && s.peek() == "(":
		s.at = strings.IndexByte(s.text[s.at:], '(') + s.at + 1
		return s.members(")", depth+1)
	case kind == tokenWord:
		switch token {
		case "True", "true":
			return document.OfBool(true), nil
		case "False", "false":
			return document.OfBool(false), nil
		}
		return document.Value{}, nil
	case token == "{":
		return s.members("}", depth+1)
	case token == "[":
		return s.items("]", depth+1)
	case token == "(":
		return s.items(")", depth+1)
	}
	return document.Value{}, errUnreadable
}

func numberOf(token string) document.Value {
	if !strings.ContainsAny(token, ".eE") {
		if value, err := document.Parse(strings.TrimLeft(strings.TrimPrefix(token, "-"), "0")); err == nil {
			if n, ok := value.Int(); ok && token[0] == '-' {
				return document.OfInt(-n)
			}
			return value
		}
		return document.OfInt(0)
	}
	f, _ := strconv.ParseFloat(token, 64)
	return document.OfFloat(f)
}

func (s *literalScanner) members(closing string, depth int) (document.Value, error) {
	found := document.NewMap()
	for s.peek() != closing {
		_, name, err := s.token()
		if err != nil {
			return found, err
		}
		if _, sign, err := s.token(); err != nil || (sign != ":" && sign != "=") {
			return found, errUnreadable
		}
		value, err := s.value(depth)
		if err != nil {
			return found, err
		}
		found.Set(strings.Trim(name, `'"`), value)
		if err := s.separator(closing); err != nil {
			return found, err
		}
	}
	_, _, err := s.token()
	return found, err
}

func (s *literalScanner) items(closing string, depth int) (document.Value, error) {
	found := document.OfList()
	for s.peek() != closing {
		item, err := s.value(depth)
		if err != nil {
			return found, err
		}
		found.Append(item)
		if err := s.separator(closing); err != nil {
			return found, err
		}
	}
	_, _, err := s.token()
	return found, err
}

func (s *literalScanner) separator(closing string) error {
	if s.peek() == "," {
		_, _, err := s.token()
		return err
	}
	if s.peek() != closing {
		return errUnreadable
	}
	return nil
}
