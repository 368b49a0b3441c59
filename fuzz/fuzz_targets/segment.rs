#![no_main]

libfuzzer_sys::fuzz_target!(
    init: footfall_fuzz::segment::let_panics_be_caught(),
    |bytes: &[u8]| footfall_fuzz::segment::check(bytes)
);
