//! The billable parts of a stack, read from its template.

use footfall_infra::function::Function;
use footfall_infra::stack::{TABLE, Type};
use serde::Serialize;
use serde_json::Value;

use crate::stack::state;

/// A function's billable properties.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Size {
    /// Its memory, in GB as Lambda bills it: 1,024 MB.
    pub(crate) gb: f64,
    /// Number of routes that lead to it.
    pub(crate) routes: f64,
    /// Maximum concurrent executions, if limited.
    pub(crate) at_once: Option<f64>,
    /// Timeout in seconds.
    pub(crate) timeout: f64,
}

/// A stack's billable properties.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Facts {
    pub(crate) track: Size,
    pub(crate) dashboard: Size,
    pub(crate) rollup: Size,
    /// Whether the functions are for arm64.
    pub(crate) arm64: bool,
    /// The stage's throttle: requests a second, and burst.
    pub(crate) rate: f64,
    pub(crate) burst: f64,
    /// The table's provisioned read and write units. `null` if it is billed on demand.
    pub(crate) provisioned: Option<(f64, f64)>,
    /// Maximum read units a second on demand, if limited.
    pub(crate) most_reads: Option<f64>,
    pub(crate) recovery: bool,
    pub(crate) log_days: f64,
    pub(crate) alarms: f64,
    pub(crate) sites: f64,
    pub(crate) shards: f64,
    /// Whether a site measures engagement, so that most views cause two requests.
    pub(crate) engagement: bool,
    /// Whether a site is public.
    pub(crate) public: bool,
}

impl Facts {
    /// Reads a template; `None` if it is not Footfall's.
    pub(crate) fn of(template: &Value) -> Option<Self> {
        let resources = template.get("Resources")?.as_object()?;
        let of_type = |kind: Type| {
            let resources = resources.values().filter(move |r| r["Type"] == kind.name());
            resources.map(|resource| &resource["Properties"])
        };
        let settings = state::settings(Some(template))?;
        // The table of salts costs next to nothing.
        let table = &resources.get(TABLE.as_str())?["Properties"];
        let stage = &of_type(Type::Stage).next()?["DefaultRouteSettings"];
        let units = |name: &str| table["ProvisionedThroughput"][name].as_f64();
        let size = |function: Function| {
            let end = format!("-{}", function.name());
            let is_it = |p: &&Value| p["FunctionName"].as_str().is_some_and(|n| n.ends_with(&end));
            let properties = of_type(Type::Function).find(is_it)?;
            // A route's target names the function's integration, which is called as the function is.
            let leads_here = |p: &&Value| {
                let target = p["Target"].to_string().to_lowercase();
                target.contains(&format!("{}integration", function.name()))
            };
            Some(Size {
                gb: properties["MemorySize"].as_f64()? / 1024.0,
                routes: of_type(Type::Route).filter(leads_here).count() as f64,
                at_once: properties["ReservedConcurrentExecutions"].as_f64(),
                timeout: properties["Timeout"].as_f64()?,
            })
        };
        let arm64 = of_type(Type::Function).all(|p| p["Architectures"][0] == "arm64");
        Some(Self {
            track: size(Function::Track)?,
            dashboard: size(Function::Dashboard)?,
            rollup: size(Function::Rollup)?,
            arm64,
            rate: stage["ThrottlingRateLimit"].as_f64()?,
            burst: stage["ThrottlingBurstLimit"].as_f64()?,
            provisioned: units("ReadCapacityUnits").zip(units("WriteCapacityUnits")),
            most_reads: table["OnDemandThroughput"]["MaxReadRequestUnits"].as_f64(),
            recovery: table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
                == true,
            log_days: of_type(Type::LogGroup).next()?["RetentionInDays"].as_f64()?,
            alarms: of_type(Type::Alarm).count() as f64,
            sites: settings.sites.len() as f64,
            shards: f64::from(settings.shards.get()),
            engagement: settings.sites.iter().any(|site| site.engagement),
            public: settings.sites.iter().any(|site| site.public),
        })
    }

    /// How many routes there are.
    pub(crate) fn routes(&self) -> f64 {
        self.track.routes + self.dashboard.routes
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use footfall_infra::settings::Settings;
    use footfall_infra::stack::{Artifact, StackName};
    use serde_json::json;

    use super::*;
    use crate::artifact::toolchain::Arch;
    use crate::stack::template::template;

    pub(crate) fn facts(yaml: &str, reserved: bool) -> Facts {
        let settings = Settings::from_yaml(yaml).unwrap();
        let artifact = || Artifact { bucket: "b".to_owned(), key: "k".to_owned() };
        let artifacts: BTreeMap<_, _> = Function::ALL.map(|of| (of, artifact())).into();
        let (name, region) = (StackName::default(), "eu-central-1".to_owned());
        let made = template(&settings, name, region, Arch::Arm64, artifacts, reserved).unwrap();
        Facts::of(&serde_json::from_str(&made.to_json().unwrap()).unwrap()).unwrap()
    }

    #[test]
    fn reads_a_stack_from_its_template() {
        let one = facts("sites: [{domain: example.com}]", true);
        assert_eq!(one.track, Size { gb: 0.125, routes: 4.0, at_once: Some(50.0), timeout: 15.0 });
        assert_eq!((one.dashboard.gb, one.dashboard.routes), (0.5, 12.0));
        assert_eq!((one.rollup.routes, one.rollup.timeout), (0.0, 900.0));
        assert!(one.arm64 && one.recovery && !one.engagement && !one.public);
        assert_eq!((one.rate, one.burst, one.alarms), (50.0, 500.0, 0.0));
        assert_eq!((one.provisioned, one.most_reads, one.log_days), (None, None, 14.0));
        let public = facts("sites: [{domain: example.com, public: true}]", true);
        assert_eq!(public.most_reads, Some(2000.0));
        let other = facts(
            "sites: [{domain: a.example, engagement: true}, {domain: b.example, public: true}]
capacity: free-tier
point_in_time_recovery: false
alarm_email: you@example.com
throttle: {rate: 3, burst: 9}
shards: 2
",
            false,
        );
        assert!(other.engagement && other.public && !other.recovery);
        assert_eq!((other.rate, other.burst, other.alarms), (3.0, 9.0, 8.0));
        assert_eq!((other.provisioned, other.track.at_once), (Some((25.0, 25.0)), None));
        assert_eq!((other.sites, other.shards), (2.0, 2.0));
    }

    #[test]
    fn ignores_other_templates() {
        assert_eq!(Facts::of(&json!({ "Resources": {} })), None);
        assert_eq!(Facts::of(&json!(null)), None);
    }
}
