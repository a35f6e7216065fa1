// SPDX-License-Identifier: Apache-2.0

package ledger

// chunk hands out values that are made many at once. One that was used up is left to those who hold its values.
type chunk[T any] struct {
	items []T
	used  int
}

const chunkSize = 64

func (c *chunk[T]) next() *T {
	if c.used == len(c.items) {
		c.items, c.used = make([]T, chunkSize), 0
	}
	c.used++
	return &c.items[c.used-1]
}

// reuse takes back the values of the present chunk: nobody may hold one any more.
func (c *chunk[T]) reuse() {
	clear(c.items[:c.used])
	c.used = 0
}
