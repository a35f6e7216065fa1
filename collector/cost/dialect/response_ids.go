// SPDX-License-Identifier: Apache-2.0

package dialect

import (
	"slices"
	"strings"
)

const responseIDField = "response_id"

// responseIDKeys are the attributes that may hold a response id: direct ones are the id, inside others it has to be looked for.
type responseIDKeys struct{ direct, inside keyFilter }

func (k *responseIDKeys) add(row *dialectRow) {
	for field, keys := range row.Keys {
		if field == responseIDField || row.renames(field, responseIDField) {
			k.addAll(keys)
		}
	}
	k.addAll(row.Responses[responseIDField])
}

func (k *responseIDKeys) addAll(keys []string) {
	for _, key := range keys {
		if attribute, _, isInside := strings.Cut(key, "$"); isInside {
			k.inside.add(attribute)
		} else {
			k.direct.add(attribute)
		}
	}
}

func (r *dialectRow) renames(from, to string) bool {
	return slices.ContainsFunc(r.Rules, func(rule ruleRow) bool { return rule.Then.Rename[from] == to })
}

// MayBeResponseID reports whether some dialect reads a response id from the attribute with a key.
func (d *Dialects) MayBeResponseID(key string) bool { return d.responseIDs.direct.has(key) }

// MayHoldResponseID reports whether some dialect reads a response id from inside the attribute with a key.
func (d *Dialects) MayHoldResponseID(key string) bool { return d.responseIDs.inside.has(key) }
