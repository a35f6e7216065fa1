// SPDX-License-Identifier: Apache-2.0

package llmcostcheckextension

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/extension"

	"github.com/spancost/spancost/collector/llmcostcheckextension/internal/metadata"
)

// Config of the extension llm_cost_check, which has no keys.
type Config struct{}

// NewFactory returns the factory of the extension llm_cost_check.
func NewFactory() extension.Factory {
	return extension.NewFactory(metadata.Type, createDefaultConfig, create, metadata.ExtensionStability)
}

func createDefaultConfig() component.Config { return &Config{} }

func create(context.Context, extension.Settings, component.Config) (extension.Extension, error) {
	return &checkExtension{}, nil
}

// checkExtension looks at the configuration before the pipelines start.
type checkExtension struct {
	component.StartFunc
	component.ShutdownFunc
}

// NotifyConfig returns what is wrong with a configuration; the Collector does not start then.
func (*checkExtension) NotifyConfig(_ context.Context, found *confmap.Conf) error {
	return check(found.ToStringMap())
}
