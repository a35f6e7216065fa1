// SPDX-License-Identifier: Apache-2.0

// Package contracts reads contracts from files: compiled ones, and those that people write in YAML or JSON, which it
// validates and compiles to the same bytes as `spancost contract` does.
package contracts

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/spancost/spancost/collector/cost/contract"
	"github.com/spancost/spancost/collector/cost/document"
	"github.com/spancost/spancost/collector/cost/pricing"
)

// Load returns the contract in a file, compiled (JSON with `format`) or as people write it. Meters and the spellings of
// providers and facts are those of card. An error names the file, and for what people wrote the line and the key as well.
func Load(file string, card *pricing.RateCard) (*contract.Contract, error) {
	body, err := Compiled(file, card)
	if err != nil {
		return nil, err
	}
	return contract.New(body, file)
}

// Compiled returns the canonical form of the contract in a file.
func Compiled(file string, card *pricing.RateCard) ([]byte, error) {
	content, err := os.ReadFile(file)
	if err != nil || !utf8.Valid(content) {
		return nil, &contract.Error{Where: file, Found: "a file that cannot be read (" + why(err) + ")", Expected: "a contract"}
	}
	return Compile(file, string(content), card)
}

// Compile is Compiled for the text of a file; where names it in errors.
func Compile(where, text string, card *pricing.RateCard) ([]byte, error) {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	if contract.IsCompiled(text) {
		body := []byte(strings.TrimRight(text, "\n"))
		_, err := contract.New(body, where)
		return body, err
	}
	value, lines, err := read(where, text)
	if err != nil {
		return nil, err
	}
	reader := &formReader{lines: lines}
	form := reader.contract(value)
	if reader.fault != nil {
		return nil, reader.fault
	}
	maker := &compiler{lines: lines, card: card, places: map[string][]place{}}
	compiled := maker.contract(form)
	if maker.fault != nil {
		return nil, maker.fault
	}
	return document.Canonical(compiled), nil
}

// why states what is wrong with a file without naming it again.
func why(err error) string {
	var inPath *fs.PathError
	switch {
	case err == nil:
		return "it is no UTF-8"
	case errors.As(err, &inPath):
		return inPath.Err.Error()
	}
	return err.Error()
}
