// SPDX-License-Identifier: Apache-2.0

package prices

import (
	"fmt"
	"os"
	"sync"

	"github.com/spancost/spancost/collector/cost/dialect"
)

// Source loads what to price by again, and keeps the last that was good. Components of one process with the same sources share
// it, also after the Collector has restarted its service for a changed configuration.
type Source struct {
	from    Sources
	options dialect.Options

	mutex sync.Mutex
	last  *Loaded
	// stamp is that of the files that were looked at last, good or not.
	stamp string
}

// known are the sources of this process: one for each different configuration, which are few.
var known = struct {
	sync.Mutex
	by map[string]*Source
}{by: map[string]*Source{}}

// SourceOf returns the source of a configuration.
func SourceOf(from Sources, options dialect.Options) *Source {
	key := fmt.Sprintf("%q %q", fmt.Sprint(from), fmt.Sprint(options.ReadResponses))
	known.Lock()
	defer known.Unlock()
	found := known.by[key]
	if found == nil {
		found = &Source{from: from, options: options}
		known.by[key] = found
	}
	return found
}

// HasLoaded reports whether there is a last good load.
func (s *Source) HasLoaded() bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.last != nil
}

// Load loads the files. When they are broken it returns the last good load, with refused saying why; an error when there is
// none.
func (s *Source) Load() (found *Loaded, refused, err error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.load(s.from.stamp())
}

// Refresh is Load when a file has changed since; else it returns the last good load.
func (s *Source) Refresh() (found *Loaded, refused, err error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if now := s.from.stamp(); now != s.stamp || s.last == nil {
		return s.load(now)
	}
	return s.last, nil, nil
}

func (s *Source) load(stamp string) (found *Loaded, refused, err error) {
	s.stamp = stamp
	loaded, err := Load(s.from, s.options)
	switch {
	case err == nil:
		s.last = loaded
		return loaded, nil, nil
	case s.last != nil:
		return s.last, err, nil
	}
	return nil, nil, err
}

// stamp tells one state of the files from another: by time and size, through links, as Kubernetes mounts are made.
func (f Sources) stamp() (found string) {
	for _, file := range [...]string{f.CardFile, f.ContractFile, f.EmittersFile} {
		if file == "" {
			continue
		}
		about, err := os.Stat(file)
		if err != nil {
			found += err.Error()
			continue
		}
		found += fmt.Sprintf("%s %d %d\n", file, about.ModTime().UnixNano(), about.Size())
	}
	return found
}
