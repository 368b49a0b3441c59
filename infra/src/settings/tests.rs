use super::*;

fn settings(yaml: &str) -> Settings {
    Settings::from_yaml(yaml).unwrap()
}

/// The error of a file, as an owner reads it.
fn refused(yaml: &str) -> String {
    Settings::from_yaml(yaml).unwrap_err().to_string()
}

#[test]
fn a_domain_is_enough() {
    let settings = settings("sites:\n  - domain: Example.COM\n");
    let site = &settings.sites[0];
    assert_eq!(site.domain.as_str(), "example.com");
    assert_eq!(site.time_zone.name(), "UTC");
    assert!(!site.respect_dnt);
    assert!(site.has_host("example.com") && site.has_host("www.example.com"));
    assert!(!site.has_host("blog.example.com"));
    assert_eq!(settings.shards.get(), 1);
    assert_eq!(settings.trusted_proxies, 0);
}

#[test]
fn everything_can_be_said() {
    let settings = settings(
        "sites:
  - domain: example.com
    hosts: [example.com, '*.example.com']
    time_zone: Asia/Kathmandu
    respect_dnt: true
    retention_days: 365
  - domain: bücher.example
trusted_proxies: 1
shards: 10
blocked_referrers: [spam.example]
",
    );
    let site = settings.site_of_host("blog.example.com").unwrap();
    assert_eq!(site.time_zone.name(), "Asia/Kathmandu");
    assert!(site.respect_dnt);
    assert_eq!(site.retention_days.unwrap().get(), 365);
    assert!(!site.has_host("notexample.com"));
    assert_eq!(settings.sites[1].domain.as_str(), "xn--bcher-kva.example");
    assert_eq!(settings.shards.get(), 10);
}

#[test]
fn a_function_reads_what_the_file_said() {
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
fn a_wrong_file_gets_line_key_and_remedy() {
    let check = |yaml: &str, expected: &str| assert_eq!(refused(yaml), expected, "{yaml}");
    check(
        "",
        "sites: the file names no site; write `sites:` and below it `  - domain: example.com`",
    );
    check("sites: []\n", "line 1: sites: there is no site; add `- domain: example.com`");
    check(
        "sites:\n  - domain: example.com\n    timezone: UTC\n",
        "line 3: sites[0].timezone: unknown key `timezone`; use one of `domain`, `hosts`, \
         `time_zone`, `respect_dnt`, `retention_days`",
    );
    check(
        "sites:\n  - domain: https://example.com/\n",
        "line 2: sites[0].domain: \"https://example.com/\" is no host name; write the host alone, \
         such as example.com, without https://, port or path",
    );
    check(
        "sites:\n  - domain: example.com\n    time_zone: Europe/Berln\n",
        "line 3: sites[0].time_zone: \"Europe/Berln\" is no time zone; use an IANA name, such as \
         Europe/Berlin",
    );
    check(
        "sites:\n  - domain: example.com\n    respect_dnt: maybe\n",
        "line 3: sites[0].respect_dnt: invalid type: string \"maybe\"; write a boolean",
    );
    check(
        "sites:\n  - hosts: [a.example]\n",
        "line 2: sites[0]: the key `domain` is missing; add it",
    );
    check(
        "sites:\n  - domain: example.com\nshards: 1000\n",
        "line 3: shards: 1000 shards cannot be; use a number from 1 to 100",
    );
    check(
        "sites:\n  - domain: example.com\n    retention_days: 0\n",
        "line 3: sites[0].retention_days: 0 days cannot be; use a number from 1 to 36500, or leave \
         the key out to keep everything",
    );
    check(
        "sites:\n  - domain: a.example\n  - domain: b.example\n    hosts: [a.example]\n",
        "line 2: sites: the host a.example belongs to both a.example and b.example; give it to one",
    );
    assert!(refused("sites: [\n").contains("this is not YAML"), "{}", refused("sites: [\n"));
}
