// The checker of dashboards, apart from the module that people install.
module github.com/spancost/spancost/tools/dashboards/grafana_check

go 1.26.0

require github.com/grafana/grafana-foundation-sdk/go v0.0.22
