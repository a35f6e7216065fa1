// SPDX-License-Identifier: Apache-2.0

package llmcostcheckextension

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Types of components, and the defaults of their waits.
const (
	costProcessor, rollUpProcessor = "llm_cost", "llm_cost_rollup"
	spendConnector                 = "llm_spend"
	tailSampler                    = "tail_sampling"

	defaultMaxWait      = 10 * time.Second
	defaultDecisionWait = 30 * time.Second
)

// samplers are the processors that drop spans by chance or by policy.
var samplers = []string{tailSampler, "probabilistic_sampler", "dynamic_sampling"}

// pipeline is a way that spans take.
type pipeline struct {
	name                             string
	receivers, processors, exporters []string
}

// configuration is what is checked of one.
type configuration struct {
	processors, connectors map[string]any
	pipelines              []pipeline
}

// check returns what is wrong with a configuration, one error for each fault.
func check(raw map[string]any) error {
	c := read(raw)
	var faults []error
	for _, p := range c.pipelines {
		if !slices.ContainsFunc(p.receivers, c.isFed) {
			faults = append(faults, c.follow(p, nil, nil)...)
		}
	}
	return errors.Join(faults...)
}

// isFed reports whether a receiver is a connector that another pipeline of spans exports to.
func (c *configuration) isFed(name string) bool {
	return c.isConnector(name) && slices.ContainsFunc(c.pipelines, func(p pipeline) bool { return slices.Contains(p.exporters, name) })
}

// isConnector reports whether a component is a connector: a receiver and an exporter may have the same name.
func (c *configuration) isConnector(name string) bool {
	_, known := c.connectors[name]
	return known
}

// follow checks a pipeline, given the processors that its spans have been through, and the pipelines that it feeds.
func (c *configuration) follow(p pipeline, before, visited []string) (faults []error) {
	if slices.Contains(visited, p.name) {
		return nil
	}
	visited = append(slices.Clone(visited), p.name)
	through := slices.Clone(before)
	for _, processor := range p.processors {
		faults = append(faults, c.checkProcessor(p.name, processor, through)...)
		through = append(through, processor)
	}
	for _, exporter := range p.exporters {
		if sampler := first(through, samplers...); typeOf(exporter) == spendConnector && sampler != "" {
			faults = append(faults, fmt.Errorf(
				"service::pipelines::%s: found %s after %s; expected it before every sampler, because its metrics lack what a sampler drops",
				p.name, exporter, sampler))
		}
		for _, next := range c.pipelines {
			if c.isConnector(exporter) && slices.Contains(next.receivers, exporter) {
				faults = append(faults, c.follow(next, through, visited)...)
			}
		}
	}
	return faults
}

func (c *configuration) checkProcessor(pipeline, processor string, through []string) (faults []error) {
	switch kind := typeOf(processor); {
	case kind == rollUpProcessor || kind == costProcessor:
		if sampler := first(through, samplers...); sampler != "" {
			faults = append(faults, fmt.Errorf(
				"service::pipelines::%s: found %s after %s; expected it before every sampler, because totals lack what a sampler drops",
				pipeline, processor, sampler))
		}
	case kind == tailSampler:
		rollUp := first(through, rollUpProcessor)
		if rollUp == "" || c.setting(rollUp, "mode") == "batch" {
			break
		}
		wait, decision := c.wait(rollUp, "max_wait", defaultMaxWait), c.wait(processor, "decision_wait", defaultDecisionWait)
		if decision <= wait {
			faults = append(faults, fmt.Errorf(
				"processors::%s::decision_wait: found %v; expected more than processors::%s::max_wait (%v), which holds the totals back",
				processor, decision, rollUp, wait))
		}
	}
	return faults
}

// first returns the first component of one of some types, "" when there is none.
func first(components []string, types ...string) string {
	for _, name := range components {
		if slices.Contains(types, typeOf(name)) {
			return name
		}
	}
	return ""
}

// typeOf returns the type of a component: tail_sampling of tail_sampling/expensive.
func typeOf(name string) string {
	kind, _, _ := strings.Cut(name, "/")
	return kind
}

func (c *configuration) setting(processor, key string) any {
	settings, _ := c.processors[processor].(map[string]any)
	return settings[key]
}

// wait returns a duration of a processor: nanoseconds in the Collector's effective configuration, text in one as it is written.
// One that is no duration is an error of the processor, not of this extension.
func (c *configuration) wait(processor, key string, otherwise time.Duration) time.Duration {
	found := reflect.ValueOf(c.setting(processor, key))
	if found.IsValid() && found.CanInt() {
		return time.Duration(found.Int())
	}
	if found.Kind() == reflect.String {
		if wait, err := time.ParseDuration(found.String()); err == nil {
			return wait
		}
	}
	return otherwise
}

// read takes the pipelines of spans out of a configuration, in the order of their names.
func read(raw map[string]any) *configuration {
	c := &configuration{}
	c.processors, _ = raw["processors"].(map[string]any)
	c.connectors, _ = raw["connectors"].(map[string]any)
	service, _ := raw["service"].(map[string]any)
	pipelines, _ := service["pipelines"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(pipelines)) {
		if typeOf(name) != "traces" {
			continue
		}
		settings, _ := pipelines[name].(map[string]any)
		c.pipelines = append(c.pipelines, pipeline{
			name, names(settings["receivers"]), names(settings["processors"]), names(settings["exporters"]),
		})
	}
	return c
}

func names(raw any) (found []string) {
	list, _ := raw.([]any)
	for _, each := range list {
		if name, isText := each.(string); isText {
			found = append(found, name)
		}
	}
	return found
}
