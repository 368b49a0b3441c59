//! The HTTP API: an integration for each function with routes, each route of [`crate::api`], and a
//! throttled stage.

use serde_json::{Value, json};

use super::ids::{self, API, LogicalId, STAGE, function_arn};
use super::inputs::Inputs;
use super::outputs;
use super::resource_type::Type;
use super::spec::Spec;
use super::template::{Resource, Template};
use crate::api::{Cors, ROUTES, Route};
use crate::function::Function;
use crate::settings::Settings;

/// Adds the API with its stage, integrations, permissions and routes.
pub(super) fn add(template: &mut Template, settings: &Settings, inputs: &Inputs) {
    let properties = json!({
        "Name": inputs.name.as_str(),
        "ProtocolType": "HTTP",
        "CorsConfiguration": cors(&Cors::of(settings)),
    });
    template.add(API, Resource::new(Type::Api, properties));
    add_stage(template, settings);
    for spec in Function::ALL.map(Spec::of) {
        let routes: Vec<&Route> = ROUTES.iter().filter(|r| r.function == spec.function).collect();
        if !routes.is_empty() {
            add_integration(template, &spec);
        }
        for route in routes {
            add_route(template, route);
        }
    }
    template.output(outputs::API_ENDPOINT, "URL of the API in AWS", API.attribute("ApiEndpoint"));
}

/// Returns the CORS configuration, without credentials.
///
/// The tracker sends none. With credentials, AWS would reject the origins `https://*` and `http://*`.
///
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html>
fn cors(cors: &Cors) -> Value {
    json!({
        "AllowOrigins": cors.allow_origins,
        "AllowMethods": cors.allow_methods,
        "AllowHeaders": cors.allow_headers,
        "ExposeHeaders": cors.expose_headers,
        "MaxAge": cors.max_age,
    })
}

/// Adds the stage `$default`, whose name is not part of the URL.
///
/// It has no access log, which would record the visitor's IP address for every hit.
fn add_stage(template: &mut Template, settings: &Settings) {
    let throttle = settings.throttle();
    let properties = json!({
        "ApiId": API.reference(),
        "StageName": "$default",
        "AutoDeploy": true,
        "DefaultRouteSettings": {
            "ThrottlingRateLimit": throttle.rate(),
            "ThrottlingBurstLimit": throttle.burst(),
        },
    });
    template.add(STAGE, Resource::new(Type::Stage, properties));
}

fn integration(function: Function) -> LogicalId {
    LogicalId::of(function, "Integration")
}

fn add_integration(template: &mut Template, spec: &Spec) {
    let properties = json!({
        "ApiId": API.reference(),
        "IntegrationType": "AWS_PROXY",
        "IntegrationUri": function_arn(spec.function),
        "PayloadFormatVersion": "2.0",
    });
    template.add(integration(spec.function), Resource::new(Type::Integration, properties));
    let properties = json!({
        "FunctionName": ids::function(spec.function).reference(),
        "Action": "lambda:InvokeFunction",
        "Principal": "apigateway.amazonaws.com",
        // Any stage and route of this API. It has only those of this template.
        "SourceArn": { "Fn::Sub": format!(
            "arn:${{AWS::Partition}}:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:${{{API}}}/*/*"
        ) },
    });
    template.add(
        LogicalId::of(spec.function, "ApiPermission"),
        Resource::new(Type::Permission, properties),
    );
}

fn add_route(template: &mut Template, route: &Route) {
    let place = route.path.split(|c: char| !c.is_ascii_alphanumeric());
    let place = if route.path == "/" { vec!["home"] } else { place.collect() };
    let method = route.method.to_ascii_lowercase();
    let id = LogicalId::of_words(["route", &method].into_iter().chain(place));
    let properties = json!({
        "ApiId": API.reference(),
        "RouteKey": format!("{} {}", route.method, route.path),
        "AuthorizationType": "NONE",
        "Target": {
            "Fn::Join": ["/", ["integrations", integration(route.function).reference()]],
        },
    });
    template.add(id, Resource::new(Type::Route, properties));
}
