#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| koogallery_fuzz::run("console", data));
