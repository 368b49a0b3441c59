//! Templates, style and script, compiled in.

pub(super) const PAGE: &str = include_str!("../../assets/dashboard.html");
pub(super) const LOGIN: &str = include_str!("../../assets/login.html");
pub(super) const STYLE: &str = include_str!("../../assets/dashboard.css");
pub(super) const SCRIPT: &str = include_str!("../../assets/dashboard.js");
