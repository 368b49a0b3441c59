//! AWS Signature Version 4 of DynamoDB requests: `POST /` without a query, and a few headers.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use jiff::tz::Offset;
use sha2::{Digest as _, Sha256};

/// Block size of HMAC-SHA-256, in bytes.
const BLOCK: usize = 64;

/// A signing key for one day, region and service.
#[derive(Clone)]
pub(super) struct SigningKey {
    scope: String,
    key: [u8; 32],
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("scope", &self.scope).finish_non_exhaustive()
    }
}

/// Formats a time for signing: `20261122T130506Z`. The first eight characters are the day.
pub(super) fn stamp(at: Timestamp) -> String {
    let at = Offset::UTC.to_datetime(at);
    let (year, month, day) = (at.year(), at.month(), at.day());
    let (hour, minute, second) = (at.hour(), at.minute(), at.second());
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

impl SigningKey {
    /// Derives the key of a day (`20261122`).
    pub(super) fn new(secret: &str, day: &str, region: &str, service: &str) -> Self {
        let last = "aws4_request";
        let first = hmac(format!("AWS4{secret}").as_bytes(), day.as_bytes());
        let key = [region, service, last].iter().fold(first, |key, it| hmac(&key, it.as_bytes()));
        Self { scope: format!("{day}/{region}/{service}/{last}"), key }
    }

    /// Whether the key is valid on a day.
    pub(super) fn is_of(&self, day: &str) -> bool {
        self.scope.starts_with(day)
    }

    /// Returns the `Authorization` header of a request. Headers must have lower-case names, be sorted, and have values
    /// without consecutive spaces.
    pub(super) fn authorization(
        &self,
        id: &str,
        stamp: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> String {
        let mut names = String::with_capacity(80);
        let mut canonical = Sha256::new_with_prefix("POST\n/\n\n");
        for (name, value) in headers {
            for part in [name, ":", value, "\n"] {
                canonical.update(part);
            }
            if !names.is_empty() {
                names.push(';');
            }
            names.push_str(name);
        }
        for part in ["\n", &names, "\n", &hex(&Sha256::digest(body).into())] {
            canonical.update(part);
        }
        let algorithm = "AWS4-HMAC-SHA256";
        let scope = &self.scope;
        let canonical = hex(&canonical.finalize().into());
        let text = format!("{algorithm}\n{stamp}\n{scope}\n{canonical}");
        let signature = hex(&hmac(&self.key, text.as_bytes()));
        format!("{algorithm} Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}")
    }
}

/// Computes HMAC-SHA-256 (RFC 2104). Pads the key with zeros to a block; a longer key is hashed first.
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let hash: [u8; 32];
    let key = if key.len() > BLOCK {
        hash = Sha256::digest(key).into();
        &hash
    } else {
        key
    };
    let mut block = [0; BLOCK];
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    mac.update(message);
    mac.finalize().into_bytes().into()
}

fn hex(bytes: &[u8; 32]) -> String {
    let digit = |value: u8| char::from(if value < 10 { b'0' + value } else { b'a' + value - 10 });
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use aws_credential_types::Credentials;
    use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
    use aws_sigv4::sign::v4::SigningParams;
    use proptest::prelude::*;

    use super::*;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    /// AWS's own examples that are `POST /`: <https://github.com/awslabs/aws-c-auth>,
    /// tests/aws-signing-test-suite/v4.
    #[test]
    fn signs_like_the_published_examples() {
        let check = |case: &str, headers: &[(&str, &str)], body: &str, signature: &str| {
            let stamp = stamp("2015-08-30T12:36:00Z".parse().unwrap());
            let key = SigningKey::new(SECRET, &stamp[..8], "us-east-1", "service");
            let mut headers = headers.to_vec();
            headers.push(("host", "example.amazonaws.com"));
            headers.push(("x-amz-date", &stamp));
            headers.sort_unstable();
            let names: Vec<&str> = headers.iter().map(|header| header.0).collect();
            let expected = format!(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
                 SignedHeaders={}, Signature={signature}",
                names.join(";")
            );
            let signed = key.authorization("AKIDEXAMPLE", &stamp, &headers, body.as_bytes());
            assert_eq!(signed, expected, "{case}");
        };
        let vanilla = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b";
        check("post-vanilla", &[], "", vanilla);
        let value = "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d";
        check("post-header-value-case", &[("my-header1", "VALUE1")], "", value);
        let token = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";
        let with_token = "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead";
        check("post-sts-header-before", &[("x-amz-security-token", token)], "", with_token);
        let form = [
            ("content-length", "13"),
            ("content-type", "application/x-www-form-urlencoded"),
            (
                "x-amz-content-sha256",
                "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e",
            ),
        ];
        let signature = "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b";
        check("post-x-www-form-urlencoded", &form, "Param1=value1", signature);
    }

    proptest! {
        #[test]
        fn signs_like_the_sdk(
            secret in "[A-Za-z0-9+/]{1,100}",
            token in proptest::option::of("[A-Za-z0-9+/=]{1,400}"),
            region in "[a-z]{2}-[a-z]{4,9}-[1-9]",
            body in proptest::collection::vec(any::<u8>(), 0..300),
            seconds in 0_i64..4_102_444_800,
        ) {
            let at = Timestamp::from_second(seconds).unwrap();
            let host = format!("dynamodb.{region}.amazonaws.com");
            let kind = "application/x-amz-json-1.0";
            let target = "DynamoDB_20120810.PutItem";
            let stamp = stamp(at);
            let mut headers = vec![("content-type", kind), ("host", &*host), ("x-amz-date", &*stamp)];
            headers.extend(token.as_deref().map(|token| ("x-amz-security-token", token)));
            headers.push(("x-amz-target", target));
            let key = SigningKey::new(&secret, &stamp[..8], &region, "dynamodb");
            let ours = key.authorization("AKIATEST", &stamp, &headers, &body);

            let identity = Credentials::new("AKIATEST", &secret, token.clone(), None, "test").into();
            let parameters = SigningParams::builder()
                .identity(&identity)
                .region(&region)
                .name("dynamodb")
                .time(SystemTime::from(at))
                .settings(SigningSettings::default())
                .build()
                .unwrap();
            let uri = format!("https://{host}/");
            let sent = [("content-type", kind), ("x-amz-target", target)];
            let bytes = SignableBody::Bytes(&body);
            let request = SignableRequest::new("POST", &uri, sent.into_iter(), bytes).unwrap();
            let (theirs, _) = sign(request, &parameters.into()).unwrap().into_parts();
            let theirs: Vec<_> = theirs.headers().filter(|it| it.0 == "authorization").collect();
            prop_assert_eq!(theirs, [("authorization", ours.as_str())]);
        }
    }
}
