//! Variants of settings and inputs that the stack is tested with.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test uses some of this, and a panic fails it"
)]

use std::collections::BTreeMap;

use footfall_infra::function::Function;
use footfall_infra::settings::Settings;
use footfall_infra::stack::{Architecture, Artifact, Inputs, Stack, StackName, Template};

/// Settings with only a site.
pub(crate) const DEFAULT: &str = "sites:\n  - domain: example.com\n";

/// Settings with every key.
pub(crate) const FULL: &str = "\
sites:
  - domain: example.com
    hosts: [example.com, '*.example.com']
    time_zone: Europe/Berlin
    respect_dnt: true
    retention_days: 365
    public: true
  - domain: bücher.example
trusted_proxies: 1
shards: 10
blocked_referrers: [spam.example]
capacity: on-demand
point_in_time_recovery: true
log_retention_days: 30
throttle: { rate: 1000, burst: 2000 }
memory_mb: { dashboard: 1769, rollup: 3008 }
alarm_email: owner@example.com
monthly_budget_usd: 5
custom_domain:
  domain: stats.example.com
  certificate_arn: arn:aws:acm:eu-central-1:123456789012:certificate/0123abcd-4567-89ef-0123-456789abcdef
tags: { team: web, cost centre: '42', hold: 'NO', 'off': '1_000', shift: '22:30' }
";

/// Inputs as the deployer would pass them.
pub(crate) fn inputs() -> Inputs {
    let artifact = |function: Function| Artifact {
        bucket: "footfall-artifacts-123456789012-eu-central-1".to_owned(),
        key: format!("{}/0123456789abcdef.zip", function.name()),
    };
    Inputs {
        name: StackName::default(),
        region: "eu-central-1".to_owned(),
        artifacts: BTreeMap::from(Function::ALL.map(|function| (function, artifact(function)))),
        architecture: Architecture::Arm64,
        reserve_concurrency: true,
    }
}

/// Returns the name, settings and template of every variant.
pub(crate) fn variants() -> Vec<(&'static str, Settings, Template)> {
    let variant = |name, yaml: &str, inputs: Inputs| {
        let settings = Settings::from_yaml(yaml).unwrap();
        let template = Stack::of(&settings, &inputs).unwrap();
        (name, settings, template)
    };
    let free_tier = format!("{DEFAULT}capacity: free-tier\npoint_in_time_recovery: false\n");
    let elsewhere = StackName::try_from("Another-footfall".to_owned()).unwrap();
    vec![
        variant("default", DEFAULT, inputs()),
        variant("full", FULL, inputs()),
        variant("free-tier", &free_tier, inputs()),
        variant("x86_64", DEFAULT, Inputs { architecture: Architecture::X86_64, ..inputs() }),
        variant("no-concurrency", DEFAULT, Inputs { reserve_concurrency: false, ..inputs() }),
        variant("another-name", FULL, Inputs { name: elsewhere, ..inputs() }),
    ]
}
