use super::*;
use crate::function::Function;

fn settings(yaml: &str) -> Settings {
    Settings::from_yaml(yaml).unwrap()
}

/// Returns the error message for a file.
fn error_of(yaml: &str) -> String {
    Settings::from_yaml(yaml).unwrap_err().to_string()
}

#[test]
fn lists_domains_in_order() {
    assert_eq!(Settings::local().domains(), "localhost");
    let two = settings("sites: [{domain: b.example}, {domain: a.example}]");
    assert_eq!(two.domains(), "b.example, a.example");
}

#[test]
fn a_domain_is_the_only_required_key() {
    let settings = settings("sites:\n  - domain: Example.COM\n");
    let site = &settings.sites[0];
    assert_eq!(site.domain.as_str(), "example.com");
    assert_eq!(site.time_zone.name(), "UTC");
    assert!(!site.respect_dnt && !site.engagement && !site.public);
    assert!(site.has_host("example.com") && site.has_host("www.example.com"));
    assert!(!site.has_host("blog.example.com"));
    assert_eq!(settings.shards.get(), 1);
    assert_eq!(settings.trusted_proxies, 0);
    assert_eq!(settings.capacity, Capacity::OnDemand);
    assert!(settings.point_in_time_recovery);
    assert_eq!(settings.log_retention_days.days(), 14);
    assert_eq!((settings.throttle().rate(), settings.throttle().burst()), (50, 500));
    assert_eq!(settings.alarm_email, None);
    assert_eq!(settings.monthly_budget_usd, None);
    assert_eq!(settings.custom_domain, None);
    assert_eq!(settings.tags.iter().count(), 0);
}

#[test]
fn parses_every_key_of_a_site() {
    let settings = settings(
        "sites:
  - domain: example.com
    hosts: [example.com, '*.example.com']
    time_zone: Asia/Kathmandu
    respect_dnt: true
    engagement: true
    retention_days: 365
    goals:
      - event: signup
      - page: /blog/*
      - page: /thanks
        name: Order
    public: true
  - domain: bücher.example
trusted_proxies: 1
shards: 10
blocked_referrers: [spam.example]
",
    );
    let site = settings.site_of_host("blog.example.com").unwrap();
    assert_eq!(site.time_zone.name(), "Asia/Kathmandu");
    assert!(site.respect_dnt && site.engagement);
    assert!(site.respect_dnt && site.public && !settings.sites[1].public);
    assert_eq!(site.retention_days.unwrap().get(), 365);
    assert!(!site.has_host("notexample.com"));
    let goals: Vec<&str> = site.goals.iter().map(|goal| goal.name.as_str()).collect();
    assert_eq!(goals, ["signup", "Visit /blog/*", "Order"]);
    assert_eq!(site.goals[0].reached_by, Reached::Event("signup".to_owned()));
    assert_eq!(settings.sites[1].domain.as_str(), "xn--bcher-kva.example");
    assert_eq!(settings.shards.get(), 10);
}

/// Every key that only the stack needs.
const STACK: &str = "\
capacity: free-tier
point_in_time_recovery: false
log_retention_days: 731
throttle: { rate: 100, burst: 200 }
memory_mb: { dashboard: 1769 }
alarm_email: jane+footfall@example.com
monthly_budget_usd: 5
custom_domain:
  domain: Stats.Example.com
  certificate_arn: arn:aws:acm:eu-central-1:123456789012:certificate/0123abcd-4567-89ef-0123-456789abcdef
tags: { team: web, cost centre: '42' }
";

#[test]
fn parses_every_key_of_the_stack() {
    let settings = settings(&format!("sites: [{{ domain: example.com }}]\n{STACK}"));
    assert_eq!(settings.capacity, Capacity::FreeTier);
    assert!(!settings.point_in_time_recovery);
    assert_eq!(settings.log_retention_days.days(), 731);
    assert_eq!((settings.throttle().rate(), settings.throttle().burst()), (100, 200));
    let memory = [Function::Dashboard, Function::Rollup].map(|it| settings.memory_mb.of(it));
    assert_eq!(memory, [Some(1769), None]);
    assert_eq!(settings.alarm_email.unwrap().as_str(), "jane+footfall@example.com");
    assert_eq!(settings.monthly_budget_usd.unwrap().usd(), 5);
    let custom = settings.custom_domain.unwrap();
    assert_eq!(custom.domain.as_str(), "stats.example.com");
    assert_eq!(custom.certificate_arn.region(), "eu-central-1");
    let tags: Vec<_> = settings.tags.iter().collect();
    assert_eq!(tags, [("cost centre", "42"), ("team", "web")]);
}

#[test]
fn json_omits_defaults_and_keys_of_the_stack() {
    let sites = "\
sites:
  - domain: example.com
  - domain: www.example.net
    hosts: [example.net, '*.example.net']
    time_zone: Asia/Kathmandu
    respect_dnt: true
    engagement: true
    retention_days: 9
    public: true
trusted_proxies: 2
shards: 3
blocked_referrers: [spam.example]
";
    let all = settings(&format!("{sites}{STACK}"));
    let json = all.to_json().unwrap();
    assert_eq!(
        json,
        "{\"sites\":[{\"domain\":\"example.com\"},{\"domain\":\"www.example.net\",\"hosts\":\
         [\"example.net\",\"*.example.net\"],\"time_zone\":\"Asia/Kathmandu\",\"respect_dnt\":true,\
         \"engagement\":true,\"retention_days\":9,\"public\":true}],\"trusted_proxies\":2,\"shards\":3,\
         \"blocked_referrers\":[\"spam.example\"]}"
    );
    // Equals settings without the stack's keys, and compares everything else.
    assert_eq!(Settings::from_json(&json).unwrap(), settings(sites));
    assert_eq!(
        settings("sites: [{ domain: e.x }]").to_json().unwrap(),
        r#"{"sites":[{"domain":"e.x"}]}"#
    );
}

#[test]
fn a_host_belongs_to_the_site_with_the_closest_pattern() {
    let settings = settings(
        "sites:
  - domain: example.com
    hosts: [example.com, '*.example.com']
  - domain: docs.example.com
    hosts: ['*.docs.example.com']
  - domain: blog.example.com
",
    );
    let check = |host: &str, expected: Option<&str>| {
        let site = settings.site_of_host(host).map(|site| site.domain.as_str());
        assert_eq!(site, expected, "{host}");
    };
    check("example.com", Some("example.com"));
    check("a.example.com", Some("example.com"));
    check("blog.example.com", Some("blog.example.com"));
    check("www.blog.example.com", Some("blog.example.com"));
    check("a.docs.example.com", Some("docs.example.com"));
    check("docs.example.com", Some("example.com"));
    check("example.org", None);
}

#[test]
fn json_round_trips() {
    let text =
        "sites:\n  - domain: example.com\n    time_zone: Europe/Berlin\n    retention_days: 9\n";
    let settings = settings(text);
    assert_eq!(Settings::from_json(&settings.to_json().unwrap()).unwrap(), settings);
    assert_eq!(
        Settings::from_json(&Settings::local().to_json().unwrap()).unwrap(),
        Settings::local()
    );
}

#[test]
fn errors_have_line_key_and_remedy() {
    let check = |yaml: &str, expected: &str| assert_eq!(error_of(yaml), expected, "{yaml}");
    check("", "sites: no sites; add `sites:` and below it `  - domain: example.com`");
    check("sites: []\n", "line 1: sites: no sites; add `- domain: example.com`");
    check(
        "sites:\n  - domain: example.com\n    timezone: UTC\n",
        "line 3: sites[0].timezone: unknown key `timezone`; use one of `domain`, `hosts`, \
         `time_zone`, `respect_dnt`, `engagement`, `retention_days`, `goals`, `public`",
    );
    check(
        "sites:\n  - domain: https://example.com/\n",
        "line 2: sites[0].domain: \"https://example.com/\" is not a host name; use only the host, \
         such as example.com, without https://, port or path",
    );
    check(
        "sites:\n  - domain: example.com\n    time_zone: Europe/Berln\n",
        "line 3: sites[0].time_zone: unknown time zone \"Europe/Berln\"; use an IANA name, such as \
         Europe/Berlin",
    );
    check(
        "sites:\n  - domain: example.com\n    respect_dnt: maybe\n",
        "line 3: sites[0].respect_dnt: invalid type: string \"maybe\"; write true or false",
    );
    check("sites:\n  - hosts: [a.example]\n", "line 2: sites[0]: missing key `domain`; add it");
    check(
        "sites:\n  - domain: example.com\nshards: 1000\n",
        "line 3: shards: invalid number of shards 1000; use a number from 1 to 100",
    );
    check(
        "sites:\n  - domain: example.com\n    retention_days: 0\n",
        "line 3: sites[0].retention_days: invalid number of days 0; use a number from 1 to 36500, or \
         omit the key to keep everything",
    );
    check(
        "sites:\n  - domain: a.example\n  - domain: b.example\n    hosts: [a.example]\n",
        "line 2: sites: the host a.example belongs to both a.example and b.example; remove it from one of them",
    );
    let stack = |keys: &str, expected: &str| {
        check(
            &format!("sites:\n  - domain: example.com\n{keys}\n"),
            &format!("line 3: {expected}"),
        );
    };
    stack("capacity: cheap", "capacity: unknown capacity \"cheap\"; use on-demand or free-tier");
    stack(
        "log_retention_days: 10",
        "log_retention_days: CloudWatch does not support 10 days; use one of 1, 3, 5, 7, 14, 30, \
         60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653",
    );
    stack(
        "throttle: { rate: 0, burst: 10 }",
        "throttle: invalid rate 0; use a number from 1 to 10000",
    );
    stack(
        "throttle: { rate: 10, burst: 6000 }",
        "throttle: invalid burst 6000; use a number from 1 to 5000",
    );
    stack("throttle: { rate: 10 }", "throttle: missing key `burst`; add it");
    stack(
        "memory_mb: { dashboard: 128 }",
        "memory_mb: invalid memory 128; use a number of MB from 512 to 10240",
    );
    stack(
        "memory_mb: { track: 512 }",
        "memory_mb.track: unknown key `track`; use `dashboard` or `rollup`",
    );
    stack(
        "alarm_email: jane@localhost",
        "alarm_email: \"jane@localhost\" is not an e-mail address; use the form you@example.com",
    );
    stack(
        "alarm_email: Jane <jane@example.com>",
        "alarm_email: \"Jane <jane@example.com>\" is not an e-mail address; use the form \
         you@example.com",
    );
    stack(
        "monthly_budget_usd: 5",
        "monthly_budget_usd: this needs an e-mail address; add `alarm_email: you@example.com`",
    );
    stack(
        "monthly_budget_usd: 0",
        "monthly_budget_usd: invalid budget 0; use whole dollars from 1 to 1000000",
    );
    stack(
        "custom_domain: { domain: localhost, certificate_arn: x }",
        "custom_domain.domain: \"localhost\" cannot have a certificate that browsers trust; use a domain \
         such as stats.example.com",
    );
    stack(
        "custom_domain: { domain: stats.example.com, certificate_arn: x }",
        "custom_domain.certificate_arn: \"x\" is not the ARN of a certificate; copy it from AWS Certificate \
         Manager, it starts with arn:aws:acm:",
    );
    stack(
        "custom_domain: { domain: a.example }",
        "custom_domain: missing key `certificate_arn`; add it",
    );
    stack(
        "tags: { 'aws:team': web }",
        "tags: reserved tag \"aws:team\"; use a key that does not start with aws: or \
         footfall:",
    );
    stack(
        "tags: { team: 'w&b' }",
        "tags: invalid tag \"team\"; use letters, digits, spaces and _ . : / = + - @, at most \
         128 in the key and 256 in the value",
    );
    stack(
        "tags: { Team: a, team: b }",
        "tags: duplicate tag \"team\" (keys ignore case); remove one",
    );
    let many: Vec<String> = (0..41).map(|i| format!("t{i}: x")).collect();
    stack(&format!("tags: {{ {} }}", many.join(", ")), "tags: too many tags (41); use at most 40");
    check(
        "foo\n",
        "line 1: invalid type: string \"foo\"; write keys and values, starting with `sites:`",
    );
    check(
        "sites:\n  - example.com\n",
        "line 2: sites[0]: invalid type: string \"example.com\"; write `domain:` and the host, such as \
         `- domain: example.com`",
    );
    check(
        "sites:\n  - domain: a.example\n    hosts: a.example\n",
        "line 3: sites[0].hosts: invalid type: string \"a.example\"; write a list, such as [one, two]",
    );
    check(
        "sites:\n  - domain: a.example\nshards: many\n",
        "line 3: shards: invalid type: string \"many\"; write a whole number, 0 or more",
    );
    assert!(
        error_of("sites: [\n").contains("this is not valid YAML"),
        "{}",
        error_of("sites: [\n")
    );
}
