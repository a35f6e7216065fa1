// SPDX-License-Identifier: Apache-2.0

package ledger

// chunk hands out values that are made many at once. One that was used up is left to those who hold its values, until reuse
// takes all back.
type chunk[T any] struct {
	items []T
	used  int
	// full are the chunks that were used up since the last reuse, free those that were taken back.
	full, free [][]T
}

const (
	chunkSize = 64
	// freeChunks bounds the chunks that are kept for reuse.
	freeChunks = 64
)

func (c *chunk[T]) next() *T {
	if c.used == len(c.items) {
		c.grow()
	}
	c.used++
	return &c.items[c.used-1]
}

func (c *chunk[T]) grow() {
	if len(c.items) > 0 && len(c.full) < freeChunks {
		c.full = append(c.full, c.items)
	}
	c.used = 0
	if last := len(c.free) - 1; last >= 0 {
		c.items, c.free = c.free[last], c.free[:last]
		return
	}
	c.items = make([]T, chunkSize)
}

// reuse takes back every value: nobody may hold one any more.
func (c *chunk[T]) reuse() {
	clear(c.items[:c.used])
	c.used = 0
	for _, items := range c.full {
		clear(items)
	}
	c.free = append(c.free, c.full...)
	c.full = c.full[:0]
}
