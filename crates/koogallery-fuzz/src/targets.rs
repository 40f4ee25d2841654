//! The targets by name.

mod answers;
mod callbacks;
mod captured;
mod ciphers;
mod console;
mod gateway;
mod server;
mod texts;

/// Name and function of every target.
#[allow(clippy::type_complexity, reason = "a table")]
pub const TARGETS: &[(&str, fn(&[u8]))] = &[
    ("callback_saas_v2", callbacks::saas_v2),
    ("callback_saas_v1", callbacks::saas_v1),
    ("callback_kit_v2", callbacks::kit_v2),
    ("callback_kit_v1", callbacks::kit_v1),
    ("callback_license_code", callbacks::license_code),
    ("callback_license_online", callbacks::license_online),
    ("callback_license_v1", callbacks::license_v1),
    ("callback_order_notify", callbacks::order_notify),
    ("callback_unsigned", callbacks::unsigned),
    ("query", texts::query),
    ("json", texts::json),
    ("http1", texts::http1),
    ("masking", texts::masking),
    ("field_cipher", ciphers::field_cipher),
    ("client_secret", ciphers::client_secret),
    ("private_key", ciphers::private_key),
    ("open_api_answer", answers::open_api),
    ("login_answer", answers::login),
    ("open_api_request", server::requests),
    ("agents_gateway", gateway::agents),
    ("statement", texts::statement),
    ("capture", captured::capture),
    ("recording", captured::recording),
    ("scenario", texts::scenario),
    ("console", console::requests),
];
