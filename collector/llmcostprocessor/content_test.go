// SPDX-License-Identifier: Apache-2.0

package llmcostprocessor

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/spancost/spancost/semconv"
)

// What is removed as content holds no figure of its own: only whole objects of a provider stand there, which are read before.
func TestUsageIsNotAmongTheContent(t *testing.T) {
	var table struct {
		Dialects []struct {
			ID   string              `json:"id"`
			Keys map[string][]string `json:"keys"`
		} `json:"dialects"`
	}
	require.NoError(t, json.Unmarshal(semconv.Dialects, &table))
	filter := newContentFilter(semconv.ContentAttributes())
	seen := 0
	for _, dialect := range table.Dialects {
		for field, keys := range dialect.Keys {
			for _, key := range keys {
				if seen++; !strings.Contains(key, "$") {
					assert.False(t, filter.has(key), "%s, %s: %s", dialect.ID, field, key)
				}
			}
		}
	}
	require.NotZero(t, seen)
	assert.Greater(t, len(filter.keys)+len(filter.beginning), 30)
}
