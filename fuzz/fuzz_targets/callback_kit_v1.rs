#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| koogallery_fuzz::run("callback_kit_v1", data));
