//! Clients for AWS's services: region, credentials and signed requests.

pub(crate) mod clients;
pub(crate) mod signed_request;
