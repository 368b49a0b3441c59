//! Hosts Footfall on one machine. Runs the functions' handlers over a store in a folder, behind a server that
//! behaves like the deployed HTTP API.

mod demo;
mod server;

pub use demo::{Demo, fill, goals};
pub use server::{Gateway, serve};
