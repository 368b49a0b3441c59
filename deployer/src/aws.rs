//! Clients for AWS services, credentials and signed requests.

pub(crate) mod clients;
pub(crate) mod signed_request;
