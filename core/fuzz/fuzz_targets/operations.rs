#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| snowmelt_fuzz::operations(data));
