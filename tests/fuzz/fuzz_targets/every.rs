//! Feeds every reader of foreign text and bytes for as long as one lets it.
#![no_main]

#[path = "../../hostile/every.rs"]
mod every;

libfuzzer_sys::fuzz_target!(|data: &[u8]| every::every(data));
