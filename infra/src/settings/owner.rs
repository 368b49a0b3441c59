//! The owner's e-mail address, custom domain and tags.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Domain;

/// An e-mail address of plausible form.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Email(String);

impl Email {
    /// Returns the address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Email {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_plain = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_graphic() && !b"@<>,;:()[]\"\\".contains(&b))
        };
        let is_address = text.rsplit_once('@').is_some_and(|(name, domain)| {
            is_plain(name)
                && is_plain(domain)
                && domain.contains('.')
                && url::Host::parse(domain).is_ok()
        });
        // 254 bytes: RFC 5321, section 4.5.3.1.3, less the brackets.
        if is_address && text.len() <= 254 {
            Ok(Self(text))
        } else {
            Err(format!("{text:?} is not an e-mail address; use the form you@example.com"))
        }
    }
}

/// The owner's domain for the API, in addition to the one that AWS assigns.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomDomain {
    /// The domain, such as `stats.example.com`.
    #[serde(deserialize_with = "public_domain")]
    pub domain: Domain,
    /// The domain's certificate.
    pub certificate_arn: CertificateArn,
}

fn public_domain<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Domain, D::Error> {
    let domain = Domain::deserialize(deserializer)?;
    let name = domain.as_str();
    let is_public =
        matches!(url::Host::parse(name), Ok(url::Host::Domain(_))) && name.contains('.');
    if is_public {
        return Ok(domain);
    }
    Err(serde::de::Error::custom(format!(
        "{name:?} cannot have a certificate that browsers trust; use a domain such as stats.example.com"
    )))
}

/// The ARN of a certificate in AWS Certificate Manager, which must be in the stack's region:
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-custom-domain-names.html>
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct CertificateArn(String);

impl CertificateArn {
    /// Returns the ARN.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the certificate's region.
    #[must_use]
    pub fn region(&self) -> &str {
        self.0.split(':').nth(3).unwrap_or_default()
    }
}

impl TryFrom<String> for CertificateArn {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(':').collect();
        let is_word = |word: &str| {
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        let is_arn = match parts.as_slice() {
            ["arn", partition, "acm", region, account, certificate] => {
                partition.starts_with("aws")
                    && is_word(partition)
                    && is_word(region)
                    && account.len() == 12
                    && account.bytes().all(|b| b.is_ascii_digit())
                    && certificate.strip_prefix("certificate/").is_some_and(is_word)
            }
            _ => false,
        };
        if is_arn {
            Ok(Self(text))
        } else {
            Err(format!(
                "{text:?} is not the ARN of a certificate; copy it from AWS Certificate Manager, it starts \
                 with arn:aws:acm:"
            ))
        }
    }
}

/// Tags for every resource, in addition to Footfall's own.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>")]
pub struct Tags(BTreeMap<String, String>);

impl Tags {
    /// Maximum number of tags. AWS allows 50 per resource, and Footfall reserves some of them.
    pub const MAX: usize = 40;

    /// Returns the tags, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

impl TryFrom<BTreeMap<String, String>> for Tags {
    type Error = String;

    /// Applies the strictest rules of all services that are tagged:
    /// <https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html> and
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html>. To IAM, `Team` and `team` are the same key.
    fn try_from(tags: BTreeMap<String, String>) -> Result<Self, String> {
        let is_text = |text: &str, most| {
            !text.trim().is_empty()
                && text.chars().count() <= most
                && text.chars().all(|c| c.is_alphanumeric() || " _.:/=+-@".contains(c))
        };
        if tags.len() > Self::MAX {
            return Err(format!("too many tags ({}); use at most {}", tags.len(), Self::MAX));
        }
        let mut seen = std::collections::BTreeSet::new();
        for (key, value) in &tags {
            let lower = key.to_lowercase();
            if lower.starts_with("aws:") || lower.starts_with("footfall:") {
                return Err(format!(
                    "reserved tag {key:?}; use a key that does not start with aws: or \
                     footfall:"
                ));
            }
            if !is_text(key, 128) || !is_text(value, 256) {
                return Err(format!(
                    "invalid tag {key:?}; use letters, digits, spaces and _ . : / = + - @, at \
                     most 128 in the key and 256 in the value"
                ));
            }
            if !seen.insert(lower) {
                return Err(format!("duplicate tag {key:?} (keys ignore case); remove one"));
            }
        }
        Ok(Self(tags))
    }
}
