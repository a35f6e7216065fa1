// SPDX-License-Identifier: Apache-2.0

package contracts

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/spancost/spancost/collector/cost/contract"
	"github.com/spancost/spancost/collector/cost/document"
)

const (
	mostCharacters = 1_000_000
	mostValues     = 100_000
	mostLevels     = 100
)

// place is the keys and numbers that lead to a value; "" is the whole file.
type place string

const (
	keyMark  = "\x00k"
	itemMark = "\x00i"
)

func (p place) key(name string) place { return p + keyMark + place(name) }
func (p place) item(n int) place      { return p + itemMark + place(strconv.Itoa(n)) }

func (p place) above() place { return p[:strings.LastIndexByte(string(p), 0)] }

func (p place) levels() int { return strings.Count(string(p), "\x00") }

// String returns the place as an error names it: terms[0].match.
func (p place) String() string {
	var out strings.Builder
	for _, step := range strings.Split(string(p), "\x00")[1:] {
		if number, isItem := strings.CutPrefix(step, itemMark[1:]); isItem {
			out.WriteString("[" + number + "]")
		} else {
			out.WriteString("." + step[1:])
		}
	}
	return strings.TrimLeft(out.String(), ".")
}

// lineTable reports where the values of a file stand.
type lineTable struct {
	where string
	lines map[place]int
}

// where returns the file, the line and the key of a place.
func (l *lineTable) at(p place) string {
	known := p
	for l.lines[known] == 0 && known != "" {
		known = known.above()
	}
	found := fmt.Sprintf("%s, line %d", l.where, l.lines[known])
	if key := p.String(); key != "" {
		found += ", " + key
	}
	return found
}

func (l *lineTable) fault(p place, found, expected string) error {
	return &contract.Error{Where: l.at(p), Found: found, Expected: expected}
}

func (l *lineTable) put(p place, node *yaml.Node) error {
	if len(l.lines) >= mostValues {
		return &contract.Error{Where: l.where, Found: fmt.Sprintf("more than %d values", mostValues), Expected: "a contract"}
	}
	l.lines[p] = node.Line
	return nil
}

var yamlFault = regexp.MustCompile(`(?s)^yaml: (?:line ([0-9]+): )?(.*)$`)

// read returns the value that a text holds and where its parts stand. Numbers that are not whole, and dates, come as the
// text that was written, so that nothing is rounded.
func read(where, text string) (document.Value, *lineTable, error) {
	if count := utf8.RuneCountInString(text); count > mostCharacters {
		return document.Value{}, nil, &contract.Error{
			Where: where, Found: fmt.Sprintf("%d characters", count), Expected: fmt.Sprintf("at most %d", mostCharacters),
		}
	}
	var all, further yaml.Node
	decoder := yaml.NewDecoder(strings.NewReader(text))
	err := decoder.Decode(&all)
	if errors.Is(err, io.EOF) || (err == nil && len(all.Content) == 0) {
		return document.Value{}, nil, &contract.Error{Where: where, Found: "nothing", Expected: "a contract"}
	}
	if err == nil {
		switch err = decoder.Decode(&further); {
		case errors.Is(err, io.EOF):
			err = nil
		case err == nil:
			err = fmt.Errorf("yaml: line %d: another document", further.Line)
		}
	}
	if err != nil {
		return document.Value{}, nil, notYAML(where, err)
	}
	root := all.Content[0]
	lines := &lineTable{where, map[place]int{"": root.Line}}
	value, err := lines.plain(root, "")
	return value, lines, err
}

// notYAML returns the library's error in our words. What its parser misses, it names by the line before the one in which the
// part that lacks it begins.
func notYAML(where string, err error) error {
	parts := yamlFault.FindStringSubmatch(err.Error())
	if parts == nil {
		parts = []string{"", "", err.Error()}
	}
	line, known := strconv.Atoi(parts[1])
	if strings.HasPrefix(parts[2], "did not find expected") {
		line++
	}
	if known == nil {
		where = fmt.Sprintf("%s, line %d", where, line)
	}
	return &contract.Error{Where: where, Found: "what cannot be read (" + parts[2] + ")", Expected: "valid YAML"}
}

func (l *lineTable) plain(node *yaml.Node, at place) (document.Value, error) {
	node = aliased(node)
	if at.levels() > mostLevels {
		return document.Value{}, &contract.Error{
			Where: l.where, Found: fmt.Sprintf("values more than %d levels deep", mostLevels), Expected: "a contract",
		}
	}
	switch node.Kind {
	case yaml.MappingNode:
		return l.mapping(node, at)
	case yaml.SequenceNode:
		found := document.OfList()
		for n, item := range node.Content {
			if err := l.put(at.item(n), aliased(item)); err != nil {
				return found, err
			}
		}
		for n, item := range node.Content {
			value, err := l.plain(item, at.item(n))
			if err != nil {
				return found, err
			}
			found.Append(value)
		}
		return found, nil
	}
	return scalar(node), nil
}

func (l *lineTable) mapping(node *yaml.Node, at place) (document.Value, error) {
	found := document.NewMap()
	for n := 0; n+1 < len(node.Content); n += 2 {
		key := aliased(node.Content[n])
		name := key.Value
		if key.Kind != yaml.ScalarNode {
			name = "?"
		}
		here := at.key(name)
		if err := l.put(here, key); err != nil {
			return found, err
		}
		switch {
		case key.Kind != yaml.ScalarNode:
			return found, l.fault(here, "a key that is no text", "a name")
		case found.Has(name):
			return found, l.fault(here, "a key for the second time", "each key once")
		}
		value, err := l.plain(node.Content[n+1], here)
		if err != nil {
			return found, err
		}
		found.Set(name, value)
	}
	return found, nil
}

func aliased(node *yaml.Node) *yaml.Node {
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	return node
}

var (
	wholeNumber = regexp.MustCompile(`^(?:0|[1-9][0-9]{0,17})$`)
	nothings    = map[string]bool{"": true, "~": true, "null": true, "Null": true, "NULL": true}
	truths      = map[string]bool{"true": true, "True": true, "TRUE": true, "false": true, "False": true, "FALSE": true}
)

// scalar returns a scalar by the core schema of YAML 1.2, whatever the library makes of it: `no` is a text. A name such as
// 007 stays as it is written.
func scalar(node *yaml.Node) document.Value {
	text, kind := node.Value, "str"
	switch {
	case node.Style&yaml.TaggedStyle != 0:
		kind = node.LongTag()[strings.LastIndexByte(node.LongTag(), ':')+1:]
	case node.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0:
	case nothings[text]:
		kind = "null"
	case truths[text]:
		kind = "bool"
	default:
		kind = "int"
	}
	switch kind {
	case "null":
		return document.Value{}
	case "bool":
		return document.OfBool(strings.EqualFold(text, "true"))
	case "int":
		if wholeNumber.MatchString(text) {
			n, _ := strconv.ParseInt(text, 10, 64)
			return document.OfInt(n)
		}
	}
	return document.OfString(text)
}
