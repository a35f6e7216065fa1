// SPDX-License-Identifier: Apache-2.0

// Command spancost-go speaks the `price`, `enrich` and `contract` commands of spancost, so that both implementations can be run over
// the same input and compared byte for byte.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spancost/spancost/collector/cost/pricing"
	"github.com/spancost/spancost/collector/internal/contracts"
	data "github.com/spancost/spancost/pricing"
)

const usage = "usage: spancost-go price [--card FILE] [--contract FILE] | enrich [--each] [--keep-provider] [--contract FILE] [FILE...] | contract FILE"

// errAnswered means that at least one line of input was bad and was answered with an error.
var errAnswered = errors.New("bad input")

func main() {
	err := run(os.Args[1:], os.Stdin, os.Stdout)
	if err != nil && !errors.Is(err, errAnswered) {
		fmt.Fprintln(os.Stderr, "Error:", err)
	}
	if err != nil {
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, stdout io.Writer) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	out := bufio.NewWriterSize(stdout, 1<<16)
	var err error
	switch args[0] {
	case "price":
		err = price(args[1:], in, out)
	case "enrich":
		err = enrich(args[1:], in, out)
	case "contract":
		err = contractFrom(args[1:], out)
	default:
		err = errors.New(usage)
	}
	return errors.Join(err, out.Flush())
}

// contract prints the compiled form of the contract in a file.
func contractFrom(args []string, out *bufio.Writer) error {
	if len(args) != 1 {
		return errors.New(usage)
	}
	card, err := cardFrom("")
	if err != nil {
		return err
	}
	compiled, err := contracts.Compiled(args[0], card)
	if err != nil {
		return err
	}
	_, err = out.Write(append(compiled, '\n'))
	return err
}

// cardFrom returns the card in a file, the embedded one for "".
func cardFrom(file string) (*pricing.RateCard, error) {
	if file == "" {
		return pricing.NewRateCard(data.Card, "pricing/compiled/card.jsonl")
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return pricing.NewRateCard(content, file)
}

// lines calls each with every line of in that is not blank, with its end, numbered from 1.
func lines(in io.Reader, each func(number int, line string) error) error {
	reader := bufio.NewReaderSize(in, 1<<20)
	for number := 1; ; number++ {
		line, err := reader.ReadString('\n')
		if !isBlank(line) {
			if err := each(number, line); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func isBlank(line string) bool {
	for _, c := range []byte(line) {
		if c != ' ' && (c < '\t' || c > '\r') {
			return false
		}
	}
	return true
}
