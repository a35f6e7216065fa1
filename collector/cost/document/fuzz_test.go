// SPDX-License-Identifier: Apache-2.0

package document

import (
	"bytes"
	"testing"
)

// What is read and written again reads back as the same.
func FuzzDocument(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,2.5,null,true,"\u00e9\n"]}`, `-0`, `1e999`, `{"a":1,"a":2}`, `[[[[]]]]`, `123456789012345678901234567890`,
		"{\"\xa0\":0,\"\x80\":0}", "\"\xff\xfe\"",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		value, err := Parse(text)
		if err != nil {
			return
		}
		once := Append(nil, value)
		again, err := Parse(string(once))
		if err != nil {
			t.Fatalf("%q was written as %q, which is not read: %v", text, once, err)
		}
		if twice := Append(nil, again); !bytes.Equal(once, twice) {
			t.Fatalf("%q was written as %q, then as %q", text, once, twice)
		}
	})
}
