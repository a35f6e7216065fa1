// SPDX-License-Identifier: Apache-2.0

package document

import (
	"fmt"
	"math"
	"strings"
	"unicode"
)

// Shown returns a value the way every implementation names it in errors.
func Shown(value Value) string {
	switch value.Kind() {
	case Null:
		return "None"
	case Bool:
		if value.Bool() {
			return "True"
		}
		return "False"
	case Float:
		f, _ := value.Float()
		return NumberText(f)
	case String:
		text, _ := value.Text()
		return Quoted(text)
	case List, Map:
		items := make([]string, 0, len(value.Items()))
		for n, item := range value.Items() {
			if value.Kind() == Map {
				items = append(items, Quoted(value.Keys()[n])+": "+Shown(item))
			} else {
				items = append(items, Shown(item))
			}
		}
		if value.Kind() == Map {
			return "{" + strings.Join(items, ", ") + "}"
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	return value.Whole().String()
}

// NumberText returns a floating number as text: the shortest form that reads back as the same number.
func NumberText(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	return string(AppendFloat(nil, f))
}

// Quoted returns a text in quotation marks, the way every implementation quotes it in errors.
func Quoted(text string) string {
	mark := '\''
	if strings.Contains(text, "'") && !strings.Contains(text, `"`) {
		mark = '"'
	}
	var out strings.Builder
	out.WriteRune(mark)
	for _, r := range text {
		switch {
		case r == '\\' || r == mark:
			out.WriteByte('\\')
			out.WriteRune(r)
		case r == '\n':
			out.WriteString(`\n`)
		case r == '\r':
			out.WriteString(`\r`)
		case r == '\t':
			out.WriteString(`\t`)
		case unicode.IsPrint(r):
			out.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&out, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			fmt.Fprintf(&out, `\U%08x`, r)
		}
	}
	out.WriteRune(mark)
	return out.String()
}
