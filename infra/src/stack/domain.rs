//! The API's address: the one that AWS gives it, or a domain of the owner's.

use serde_json::json;

use super::api::{API, STAGE};
use super::template::{LogicalId, Resource, Template, Type};
use super::{Inputs, StackError};
use crate::outputs;
use crate::settings::Settings;

const DOMAIN: LogicalId = LogicalId::new("CustomDomain");
const MAPPING: LogicalId = LogicalId::new("CustomDomainMapping");

/// Adds the owner's domain, if there is one, and says under which address the API is found.
pub(super) fn add(
    template: &mut Template,
    settings: &Settings,
    inputs: &Inputs,
) -> Result<(), StackError> {
    let endpoint = "Where the dashboard and the snippet find Footfall";
    let Some(custom) = &settings.custom_domain else {
        template.output(outputs::ENDPOINT, endpoint, API.attribute("ApiEndpoint"));
        return Ok(());
    };
    let certificate = &custom.certificate_arn;
    if certificate.region() != inputs.region {
        let region = certificate.region().to_owned();
        return Err(StackError::Certificate(region, inputs.region.clone()));
    }
    let domain = custom.domain.as_str();
    // An HTTP API takes regional domains and TLS 1.2 alone:
    // https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-custom-domain-names.html
    let properties = json!({
        "DomainName": domain,
        "DomainNameConfigurations": [{
            "CertificateArn": certificate.as_str(),
            "EndpointType": "REGIONAL",
            "SecurityPolicy": "TLS_1_2",
        }],
    });
    template.add(DOMAIN, Resource::new(Type::DomainName, properties));
    let properties = json!({
        "ApiId": API.reference(),
        "DomainName": DOMAIN.reference(),
        "Stage": STAGE.reference(),
    });
    template.add(MAPPING, Resource::new(Type::ApiMapping, properties));
    template.output(outputs::ENDPOINT, endpoint, json!(format!("https://{domain}")));
    template.output(
        outputs::CUSTOM_DOMAIN_TARGET,
        "Where the custom domain must point in DNS",
        DOMAIN.attribute("RegionalDomainName"),
    );
    template.output(
        outputs::CUSTOM_DOMAIN_ZONE,
        "The Route 53 zone of that target, for an alias record",
        DOMAIN.attribute("RegionalHostedZoneId"),
    );
    Ok(())
}
