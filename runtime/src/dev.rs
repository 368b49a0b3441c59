//! Footfall on one machine: the functions' own handlers behind a server that routes and answers as
//! the deployed HTTP API would, over a store in a folder.

mod demo;
mod server;

pub use demo::{Demo, fill, goals};
pub use server::{Gateway, serve};
