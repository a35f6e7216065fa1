// SPDX-License-Identifier: Apache-2.0

package dialect

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestResponseIDsAreLookedForUnderEveryKeyThatMayHoldOne(t *testing.T) {
	row := &dialectRow{
		Keys: map[string][]string{
			"response_id": {"gen_ai.response.id", "metrics$request_id"}, "request": {"x.request"}, "model": {"x.model"},
		},
		Responses: map[string][]string{"response_id": {"x.output$id"}},
		Rules:     []ruleRow{{}},
	}
	row.Rules[0].Then.Rename = map[string]string{"request": "response_id"}
	d := &Dialects{}
	d.responseIDs.add(row)
	for key, expected := range map[string][2]bool{
		"gen_ai.response.id": {true, false}, "x.request": {true, false}, "metrics": {false, true}, "x.output": {false, true},
		"x.model": {false, false}, "": {false, false},
	} {
		assert.Equal(t, expected, [2]bool{d.MayBeResponseID(key), d.MayHoldResponseID(key)}, key)
	}
}
