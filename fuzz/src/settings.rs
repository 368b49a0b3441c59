//! Settings, from an owner's file to a function's environment and the stack.

use std::collections::BTreeMap;

use footfall_infra::function::Function;
use footfall_infra::settings::Settings;
use footfall_infra::stack::{Architecture, Artifact, Inputs, Stack, StackName};

/// Checks that valid settings survive JSON and make a template that is valid YAML.
///
/// An error has a message of one line, and a line number within the file.
pub fn check(text: &str) {
    let settings = match Settings::from_yaml(text) {
        Ok(settings) => settings,
        Err(error) => {
            assert!(!error.problem.is_empty());
            // Lines as YAML counts them: https://yaml.org/spec/1.1/#id871136
            let is_break = |c: &char| matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
            let lines = text.chars().filter(is_break).count() + 1;
            assert!(error.line.is_none_or(|line| (1..=lines + 1).contains(&line)), "{error}");
            return;
        }
    };
    let json = settings.to_json().unwrap();
    let again = Settings::from_json(&json).unwrap();
    assert_eq!(again.to_json().unwrap(), json);
    assert_eq!(again.sites, settings.sites);
    // JSON is YAML, so both parsers agree.
    assert_eq!(Settings::from_yaml(&json).unwrap(), again);

    assert!(!settings.sites.is_empty());
    assert!((1..=100).contains(&settings.shards.get()));
    for site in &settings.sites {
        let domain = site.domain.as_str();
        assert_eq!(settings.site(domain), Some(site));
        assert!(!domain.contains('#') && domain.len() <= 253, "{domain}");
        assert!(!site.hosts.is_empty());
        for host in site.hosts.iter().filter(|host| !host.is_wildcard()) {
            let of = settings.site_of_host(host.as_str()).unwrap();
            assert_eq!(of.domain, site.domain, "{} belongs to two sites", host.as_str());
        }
    }
    // Too many sites, or an unsupported region, are errors.
    if let Ok(template) = Stack::of(&settings, &inputs()) {
        let yaml: serde_yaml::Value = serde_yaml::from_str(&template.to_yaml().unwrap()).unwrap();
        let json: serde_json::Value = serde_json::from_str(&template.to_json().unwrap()).unwrap();
        assert_eq!(serde_json::to_value(yaml).unwrap(), json);
    }
}

fn inputs() -> Inputs {
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
