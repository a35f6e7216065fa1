// SPDX-License-Identifier: Apache-2.0

package detect

import "github.com/spancost/spancost/collector/cost"

// row is a bound of a ratio in units of a logarithm, and the points in hundredths that it gives.
type row struct{ bound, points int64 }

type table []row

// Rules are the rules in force for one feature; semconv/detectors.yaml says what each field is for. The tag of a field is its
// name there, with how many of the field's unit make one of the file's.
type Rules struct {
	limits        limits
	retryStorm    retryStormRule
	toolLoop      toolLoopRule
	cacheLost     cacheLostRule
	runaway       runawayRule
	contextCreep  contextCreepRule
	fanOut        fanOutRule
	modelChanged  modelChangedRule
	spendSpike    spendSpikeRule
	unpricedShare unpricedShareRule
	untaggedShare untaggedShareRule
}

type limits struct {
	Sessions int64 `rule:"sessions,1"`
	Streams  int64 `rule:"streams,1"`
	Traces   int64 `rule:"traces,1"`
	Services int64 `rule:"services,1"`
	Features int64 `rule:"features,1"`
	Parents  int64 `rule:"parents,1"`
	Evidence int64 `rule:"evidence,1"`
}

type retryStormRule struct {
	Enabled      bool       `rule:"enabled"`
	Blocks       bool       `rule:"blocks"`
	Repeats      int64      `rule:"repeats,1"`
	OtherRepeats int64      `rule:"other_repeats,1"`
	Failures     int64      `rule:"failures,1"`
	WithinNs     int64      `rule:"within_seconds,1000000000"`
	MinCost      cost.Femto `rule:"min_cost_usd"`
	FailuresText string     `rule:"failures_text"`
	Text         string     `rule:"text"`
}

// usualValue is a value in thousandths, and the usual ratio to it in units of a logarithm.
type usualValue struct{ value, ratio int64 }

type toolLoopRule struct {
	Enabled             bool       `rule:"enabled"`
	Blocks              bool       `rule:"blocks"`
	AlarmPoints         []int64    `rule:"alarm_points,100"`
	ClosePoints         int64      `rule:"close_points,100"`
	CloseRatio          int64      `rule:"close_ratio,1000"`
	GrowthRatio         int64      `rule:"growth_ratio,1000"`
	OutputRatio         int64      `rule:"output_ratio,1000"`
	NearGrowthRatio     int64      `rule:"near_growth_ratio,1000"`
	NearPaceRatio       int64      `rule:"near_pace_ratio,1000"`
	KnownCalls          int64      `rule:"known_calls,1"`
	UnknownPoints       int64      `rule:"unknown_points,100"`
	Growth              table      `rule:"growth"`
	Output              table      `rule:"output"`
	Pace                table      `rule:"pace"`
	OtherPace           int64      `rule:"other_pace,100"`
	MostPoints          []int64    `rule:"most_points,100"`
	LeastPoints         int64      `rule:"least_points,100"`
	UsualGrowth         usualValue `rule:"usual_growth"`
	UsualOutput         usualValue `rule:"usual_output"`
	UsualPace           usualValue `rule:"usual_pace"`
	UsualPoints         int64      `rule:"usual_points,100"`
	SmallOutputTokens   int64      `rule:"small_output_tokens,1"`
	SmallOutputPermille int64      `rule:"small_output_share,1000"`
	MinCost             cost.Femto `rule:"min_cost_usd"`
	Text                string     `rule:"text"`
}

type cacheLostRule struct {
	Enabled        bool       `rule:"enabled"`
	Blocks         bool       `rule:"blocks"`
	Calls          int64      `rule:"calls,1"`
	WarmCalls      int64      `rule:"warm_calls,1"`
	WarmPermille   int64      `rule:"warm_share,1000"`
	ColdPermille   int64      `rule:"cold_share,1000"`
	MinInputTokens int64      `rule:"min_input_tokens,1"`
	TTLNs          int64      `rule:"ttl_seconds,1000000000"`
	LongTTLNs      int64      `rule:"long_ttl_seconds,1000000000"`
	MinCost        cost.Femto `rule:"min_cost_usd"`
	WindowCalls    int64      `rule:"window_calls,1"`
	Windows        int64      `rule:"windows,1"`
	DropPermille   int64      `rule:"drop_share,1000"`
	FeatureText    string     `rule:"feature_text"`
	Text           string     `rule:"text"`
}

type runawayRule struct {
	Enabled       bool       `rule:"enabled"`
	Blocks        bool       `rule:"blocks"`
	Calls         int64      `rule:"calls,1"`
	Cost          cost.Femto `rule:"cost_usd"`
	Minute        cost.Femto `rule:"minute_usd"`
	MinuteCalls   int64      `rule:"minute_calls,1"`
	Times         int64      `rule:"times,1"`
	HistoryTraces int64      `rule:"history_traces,1"`
	Text          string     `rule:"text"`
}

type contextCreepRule struct {
	Enabled        bool       `rule:"enabled"`
	Blocks         bool       `rule:"blocks"`
	Reread         cost.Femto `rule:"reread_usd"`
	RereadPermille int64      `rule:"reread_share,1000"`
	MinInputTokens int64      `rule:"min_input_tokens,1"`
	CachedWeight   int64      `rule:"cached_weight,1"`
	WrittenWeight  int64      `rule:"written_weight,1"`
	OutputWeight   int64      `rule:"output_weight,1"`
	Text           string     `rule:"text"`
}

type fanOutRule struct {
	Enabled       bool       `rule:"enabled"`
	Blocks        bool       `rule:"blocks"`
	Calls         int64      `rule:"calls,1"`
	Cost          cost.Femto `rule:"cost_usd"`
	Times         int64      `rule:"times,1"`
	HistoryTraces int64      `rule:"history_traces,1"`
	Text          string     `rule:"text"`
}

type modelChangedRule struct {
	Enabled       bool   `rule:"enabled"`
	HistoryCalls  int64  `rule:"history_calls,1"`
	Calls         int64  `rule:"calls,1"`
	CallsPermille int64  `rule:"calls_share,1000"`
	CostPermille  int64  `rule:"cost_share,1000"`
	Text          string `rule:"text"`
}

type spendSpikeRule struct {
	Enabled      bool       `rule:"enabled"`
	Weeks        int64      `rule:"weeks,1"`
	Hour         cost.Femto `rule:"hour_usd"`
	HourPermille int64      `rule:"hour_share,1000"`
	Day          cost.Femto `rule:"day_usd"`
	DayPermille  int64      `rule:"day_share,1000"`
	NoiseTimes   int64      `rule:"noise_times,1"`
	WeekPermille int64      `rule:"week_share,1000"`
	Text         string     `rule:"text"`
}

type unpricedShareRule struct {
	Enabled       bool   `rule:"enabled"`
	Calls         int64  `rule:"calls,1"`
	WindowCalls   int64  `rule:"window_calls,1"`
	CallsPermille int64  `rule:"calls_share,1000"`
	Text          string `rule:"text"`
}

type untaggedShareRule struct {
	Enabled      bool       `rule:"enabled"`
	Calls        int64      `rule:"calls,1"`
	Cost         cost.Femto `rule:"cost_usd"`
	CostPermille int64      `rule:"cost_share,1000"`
	Text         string     `rule:"text"`
}
