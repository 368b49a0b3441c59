#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| footfall_fuzz::address::check(text));
