// SPDX-License-Identifier: Apache-2.0

package pricing

import (
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/spancost/spancost/collector/cost"
)

type nameTable struct {
	Facts        map[string]map[string]string `json:"facts"`
	HostRules    []hostRule                   `json:"host_rules"`
	Hosts        map[string][]string          `json:"hosts"`
	MustBePriced []string                     `json:"must_be_priced"`
	Places       []string                     `json:"places"`
	Providers    map[string]struct {
		Names []string `json:"names"`
	} `json:"providers"`
	Rules []struct {
		Providers []string          `json:"providers"`
		Sellers   []string          `json:"sellers"` // in cards released before 2026-11-30
		Match     string            `json:"match"`
		Model     string            `json:"model"`
		Facts     map[string]string `json:"facts"`
	} `json:"rules"`
}

type hostRule struct {
	Match    string            `json:"match"`
	Facts    map[string]string `json:"facts"`
	SilentOn []string          `json:"silent_on"`
}

// ProviderNames maps spellings and hosts of providers to values of gen_ai.provider.name.
type ProviderNames struct {
	bySpelling map[string]string
	hosts      map[string][]string
	suffixes   []hostSuffix
}

type hostSuffix struct {
	suffix    string
	providers []string
}

func newProviderNames(table *nameTable) *ProviderNames {
	p := &ProviderNames{bySpelling: map[string]string{}, hosts: map[string][]string{}}
	providers := make([]string, 0, len(table.Providers))
	for name := range table.Providers {
		providers = append(providers, name)
	}
	sort.Strings(providers)
	for _, name := range providers {
		p.bySpelling[name] = name
		for _, spelling := range table.Providers[name].Names {
			p.bySpelling[spelling] = name
		}
	}
	for pattern, providers := range table.Hosts {
		if suffix, any := strings.CutPrefix(pattern, "*"); any {
			p.suffixes = append(p.suffixes, hostSuffix{suffix, providers})
		} else {
			p.hosts[pattern] = providers
		}
	}
	sort.Slice(p.suffixes, func(a, b int) bool {
		left, right := p.suffixes[a].suffix, p.suffixes[b].suffix
		return len(left) > len(right) || (len(left) == len(right) && left < right)
	})
	return p
}

// Canonical returns the provider as a value of gen_ai.provider.name, "" when nothing is known.
//
// The host that answered wins over the name that the caller's library uses, because a client library of one provider is
// used against many. A name that is a host stands for the usual provider there. A name that is not known comes back trimmed and in lower case.
func (p *ProviderNames) Canonical(name, serverAddress string) string {
	normalized := strings.Trim(cost.Normalize(name), `"`)
	provider, known := p.bySpelling[normalized]
	if !known {
		provider = normalized
		if strings.Contains(normalized, ".") {
			if providers := p.atHost(normalized); len(providers) > 0 {
				provider = providers[0]
			}
		}
	}
	if serverAddress == "" {
		return provider
	}
	providers := p.atHost(serverAddress)
	if slices.Contains(providers, provider) {
		return provider
	}
	if len(providers) > 0 {
		return providers[0]
	}
	return provider
}

func (p *ProviderNames) atHost(serverAddress string) []string {
	host := HostOf(serverAddress)
	if exact, known := p.hosts[host]; known {
		return exact
	}
	for _, row := range p.suffixes {
		if strings.HasSuffix(host, row.suffix) {
			return row.providers
		}
	}
	return nil
}

// HostOf returns the host name of an address that may have a scheme, a port or a path, in lower case.
func HostOf(serverAddress string) string {
	host := cost.Normalize(serverAddress)
	if _, rest, found := strings.Cut(host, "://"); found {
		host = rest
	}
	host, _, _ = strings.Cut(host, "/")
	host = host[strings.LastIndexByte(host, '@')+1:]
	if strings.Count(host, ":") == 1 {
		host, _, _ = strings.Cut(host, ":")
	}
	return host
}

type modelRule struct {
	providers map[string]bool
	match     *regexp.Regexp
	model     string
	facts     map[string]string
}

// modelNames are the rules that rewrite a reported model name into names that a card may hold.
type modelNames struct {
	providers *ProviderNames
	rules     []modelRule
}

func newModelNames(table *nameTable, providers *ProviderNames) (*modelNames, error) {
	m := &modelNames{providers: providers}
	for _, row := range table.Rules {
		match, err := fromStart(row.Match)
		if err != nil {
			return nil, err
		}
		rule := modelRule{match: match, model: row.Model, facts: row.Facts}
		if len(row.Providers) > 0 {
			rule.providers = map[string]bool{}
			for _, name := range append(row.Providers, row.Sellers...) {
				rule.providers[name] = true
			}
		}
		m.rules = append(m.rules, rule)
	}
	return m, nil
}

func fromStart(pattern string) (*regexp.Regexp, error) {
	match, err := regexp.Compile("^(?:" + pattern + ")")
	if err != nil {
		return nil, &CardError{"names", pattern, "a regular expression: " + err.Error()}
	}
	return match, nil
}

// candidate is a name to look up, with the facts that the spelling stated.
type candidate struct {
	Name  string
	facts map[string]string
}

// Candidates returns the names to look up, the least rewritten first, then the same names with their date respelled.
func (m *modelNames) Candidates(provider, model string) []candidate {
	name := cost.Normalize(model)
	var facts map[string]string
	found := []candidate{{name, facts}}
	if head, rest, slash := strings.Cut(name, "/"); slash && rest != "" && m.providers.Canonical(head, "") == provider {
		name = rest
		found = append(found, candidate{name, facts})
	}
	for _, rule := range m.rules {
		if rule.providers != nil && !rule.providers[provider] {
			continue
		}
		groups := rule.match.FindStringSubmatch(name)
		if groups == nil {
			continue
		}
		name = fill(rule.model, groups)
		stated := make(map[string]string, len(facts)+len(rule.facts))
		for key, value := range facts {
			stated[key] = value
		}
		for key, value := range rule.facts {
			stated[key] = fill(value, groups)
		}
		facts = stated
		found = append(found, candidate{name, facts})
	}
	for _, plain := range found {
		for _, respelled := range datedSpellings(plain.Name) {
			found = append(found, candidate{respelled, plain.facts})
		}
	}
	return found
}

var (
	compactDate = regexp.MustCompile(`(?s)^(.+?)[-@](20[0-9]{2})(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])$`)
	dashedDate  = regexp.MustCompile(`(?s)^(.+?)[-@](20[0-9]{2})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$`)
)

// datedSpellings returns the other spellings of a name that ends in a date, then `base*date`, which any date fits.
func datedSpellings(name string) []string {
	found := compactDate.FindStringSubmatch(name)
	if found == nil {
		if found = dashedDate.FindStringSubmatch(name); found == nil {
			return nil
		}
	}
	base, year, month, day := found[1], found[2], found[3], found[4]
	return []string{
		base + "-" + year + month + day,
		base + "-" + year + "-" + month + "-" + day,
		base + "@" + year + month + day,
		base + "*date",
	}
}

// fill returns a template with $1 … $9 replaced by groups.
func fill(template string, groups []string) string {
	var out strings.Builder
	for n := 0; n < len(template); n++ {
		if template[n] == '$' && n+1 < len(template) && template[n+1] >= '1' && template[n+1] <= '9' {
			n++
			if group := int(template[n] - '0'); group < len(groups) {
				out.WriteString(groups[group])
			}
			continue
		}
		out.WriteByte(template[n])
	}
	return out.String()
}
