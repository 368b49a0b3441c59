//! The API's URL: the one that AWS assigns, or the owner's custom domain.

use serde_json::json;

use super::error::StackError;
use super::ids::{API, LogicalId, STAGE};
use super::inputs::Inputs;
use super::outputs;
use super::resource_type::Type;
use super::template::{Resource, Template};
use crate::settings::Settings;

const DOMAIN: LogicalId = LogicalId::new("CustomDomain");
const MAPPING: LogicalId = LogicalId::new("CustomDomainMapping");

/// Adds the custom domain, if there is one, and the output with the API's URL.
pub(super) fn add(
    template: &mut Template,
    settings: &Settings,
    inputs: &Inputs,
) -> Result<(), StackError> {
    let endpoint = "URL of the API for the dashboard and the snippet";
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
    // An HTTP API supports only regional domains and TLS 1.2:
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
        "DNS target of the custom domain",
        DOMAIN.attribute("RegionalDomainName"),
    );
    template.output(
        outputs::CUSTOM_DOMAIN_ZONE,
        "Route 53 zone of that target, for an alias record",
        DOMAIN.attribute("RegionalHostedZoneId"),
    );
    Ok(())
}
