// SPDX-License-Identifier: Apache-2.0

package llmcostprocessor

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"

	"github.com/spancost/spancost/collector/llmcostprocessor/internal/metadata"
)

// NewFactory returns the factory of the processor llm_cost.
func NewFactory() processor.Factory {
	return processor.NewFactory(
		metadata.Type, createDefaultConfig, processor.WithTraces(createTraces, metadata.TracesStability))
}

func createDefaultConfig() component.Config {
	return &Config{
		ReadResponses: true,
		// Where instrumentations put prompts and completions; usage is never among these keys.
		ContentAttributes: []string{
			"gen_ai.prompt*", "gen_ai.completion*", "gen_ai.input.messages", "gen_ai.output.messages",
			"gen_ai.system_instructions", "gen_ai.tool.definitions", "gen_ai.tool.call.arguments", "gen_ai.tool.call.result",
			"gen_ai.content.*", "gen_ai.event.content", "llm.input_messages*", "llm.output_messages*", "llm.prompts*",
			"llm.completions*", "llm.prompt_template.*", "input.value", "output.value", "traceloop.entity.input",
			"traceloop.entity.output", "ai.prompt*", "ai.response.text", "ai.response.toolCalls", "ai.response.object",
			"ai.toolCall.args", "ai.toolCall.result", "langfuse.observation.input", "langfuse.observation.output",
			"langfuse.trace.input", "langfuse.trace.output", "mlflow.spanInputs", "mlflow.spanOutputs", "embedding.text",
			"embedding.embeddings*", "retrieval.documents*", "all_messages_events", "events", "genkit:input", "genkit:output",
		},
	}
}

func createTraces(
	ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Traces,
) (processor.Traces, error) {
	p, err := newCostProcessor(set, cfg.(*Config))
	if err != nil {
		return nil, err
	}
	return processorhelper.NewTraces(ctx, set, cfg, next, p.processTraces,
		processorhelper.WithCapabilities(consumer.Capabilities{MutatesData: true}), processorhelper.WithShutdown(p.shutdown))
}
