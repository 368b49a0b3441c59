#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| footfall_fuzz::query::check(bytes));
