#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| footfall_fuzz::settings::check(text));
