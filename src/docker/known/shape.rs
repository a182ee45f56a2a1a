//! Whether a JSON value decodes into the type that dockerd has for its key, as Go's `encoding/json` judges it.

use super::Kind;
use crate::docker::build::Build;
use crate::docker::size;
use serde_json::{Map, Value};
use std::net::IpAddr;

/// What the value ought to be, where Go would refuse it; `None` where it decodes. `null` decodes into anything.
pub fn mismatch(kind: Kind, value: &Value, build: &Build) -> Option<&'static str> {
    let fits = match kind {
        _ if value.is_null() => true,
        Kind::Bool => value.is_boolean(),
        Kind::Text => value.is_string(),
        Kind::Int => is_int(value),
        Kind::Uint => is_uint(value),
        Kind::List => all_items(value, Value::is_string),
        Kind::Map => all_values(value, Value::is_string),
        Kind::MapOfMaps => all_values(value, |inner| all_values(inner, Value::is_string)),
        Kind::Switches => all_values(value, Value::is_boolean),
        Kind::Ip => is_ip(value),
        Kind::IpList => all_items(value, is_ip),
        Kind::Size => value
            .as_str()
            .is_some_and(|text| !text.is_empty() && size::ram_in_bytes(text, build).is_ok()),
        Kind::Pools => all_items(value, |pool| {
            object(pool, &[("base", Value::is_string), ("size", is_int)])
        }),
        Kind::Ulimits => all_values(value, |limit| {
            object(limit, &[("name", Value::is_string), ("hard", is_int), ("soft", is_int)])
        }),
        Kind::Runtimes => all_values(value, |runtime| {
            object(runtime, &[("path", Value::is_string), ("runtimeargs", is_text_list)])
        }),
        Kind::Proxies => object(value, &PROXIES),
        Kind::Object => value.is_object(),
    };
    (!fits).then(|| wanted(kind))
}

fn wanted(kind: Kind) -> &'static str {
    match kind {
        Kind::Bool => "true or false, without quotes",
        Kind::Text => "a string",
        Kind::Int => "a whole number, without quotes",
        Kind::Uint => "a whole number from 0 on, without quotes",
        Kind::List => "a list of strings, [\"…\", \"…\"]",
        Kind::Map => "an object of strings, {\"…\": \"…\"}; numbers in it need quotes too",
        Kind::MapOfMaps => "an object of objects of strings, {\"bridge\": {\"…\": \"…\"}}",
        Kind::Switches => "an object of true and false, {\"…\": true}",
        Kind::Ip => "an IP address in quotes",
        Kind::IpList => "a list of IP addresses, [\"…\", \"…\"]",
        Kind::Size => "a size in quotes, \"64M\"",
        Kind::Pools => "a list of pools, [{\"base\": \"10.0.0.0/8\", \"size\": 24}]",
        Kind::Ulimits => "an object of limits, {\"nofile\": {\"Name\": \"nofile\", \"Hard\": 64000, \"Soft\": 64000}}",
        Kind::Runtimes => "an object of runtimes, {\"…\": {\"path\": \"…\"}}",
        Kind::Proxies => "an object of proxies, {\"http-proxy\": \"…\"}",
        Kind::Object => "an object, { … }",
    }
}

const PROXIES: [(&str, Test); 3] = [
    ("http-proxy", Value::is_string),
    ("https-proxy", Value::is_string),
    ("no-proxy", Value::is_string),
];

fn all_items(value: &Value, fits: impl Fn(&Value) -> bool) -> bool {
    let items = value.as_array();
    items.is_some_and(|items| items.iter().all(|item| item.is_null() || fits(item)))
}

fn all_values(value: &Value, fits: impl Fn(&Value) -> bool) -> bool {
    let object = value.as_object().map(Map::values);
    object.is_some_and(|mut values| values.all(|value| value.is_null() || fits(value)))
}

fn is_text_list(value: &Value) -> bool {
    all_items(value, Value::is_string)
}

type Test = fn(&Value) -> bool;

/// An object whose named fields, matched without regard to case as Go does, pass their tests. Other fields are not read.
fn object(value: &Value, fields: &[(&str, Test)]) -> bool {
    let Some(object) = value.as_object() else {
        return false;
    };
    object.iter().all(|(name, value)| {
        let field = fields.iter().find(|(field, _)| name.eq_ignore_ascii_case(field));
        value.is_null() || field.is_none_or(|(_, test)| test(value))
    })
}

/// Go reads the digits with `strconv.ParseInt`: `1.0` and `1e3` are refused. `-0` passes, which serde_json takes for a float.
fn is_int(value: &Value) -> bool {
    value.is_i64()
        || value
            .as_f64()
            .is_some_and(|number| number == 0.0 && number.is_sign_negative())
}

fn is_uint(value: &Value) -> bool {
    value.as_u64().is_some_and(|number| u32::try_from(number).is_ok())
}

/// `net.IP` decodes the empty string as no address.
fn is_ip(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.is_empty() || go_ip(text))
}

/// Whether Go's `net.ParseIP` takes this. Before Go 1.17 it takes zeros before a number, which Rust does not.
pub fn go_ip(text: &str) -> bool {
    if text.parse::<IpAddr>().is_ok() {
        return true;
    }
    let padded = |part: &str| part.len() > 1 && part.starts_with('0');
    match text.contains(':') {
        // Long groups with zeros before them: rare, and not worth a wrong refusal.
        true => text.split(':').any(padded),
        false => {
            let octets: Vec<&str> = text.split('.').collect();
            let is_octet = |part: &&str| {
                let digits = part.trim_start_matches('0');
                !part.is_empty()
                    && part.bytes().all(|b| b.is_ascii_digit())
                    && (digits.is_empty() || digits.parse::<u8>().is_ok())
            };
            octets.len() == 4 && octets.iter().all(is_octet)
        }
    }
}

/// Whether `strconv.ParseInt(text, 0, 64)` may take this: decimal, or with a prefix (`0x1f`, `0755`), which is not looked into.
pub fn go_int(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.len() > 1 && digits.starts_with('0') {
        return digits.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    }
    digits.bytes().next().is_some_and(|b| b.is_ascii_digit())
        && (digits.contains('_') || text.strip_prefix('+').unwrap_or(text).parse::<i64>().is_ok())
}
