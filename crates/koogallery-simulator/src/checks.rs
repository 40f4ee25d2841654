//! The checks, in the order in which they run.

mod accept;
mod connection;
mod console;
mod documented;
mod first_call;
mod forgery;
mod forms;
mod generation;
mod kit;
mod leak;
mod lifecycle;
mod mistakes;
mod notice;
mod once;
mod query;
mod reach;
mod reject;
mod served;
mod time;
mod tls;
mod usage;
mod usage_figures;

use futures_util::future::BoxFuture;

use super::check::{Check, Severity};
use super::profile::Profile;
use super::session::{Checked, Session};
use Profile::{Console, ConsoleLicense, ConsoleV1, Protocol as Of};
pub(super) use first_call::FirstCall;
use koogallery::protocol::Protocol::{
    KitV1, KitV2, LicenseCode, LicenseOnline, LicenseV1, OrderNotify, SaasV1, SaasV2,
};
pub(super) use served::find_out;

impl Check {
    /// Returns the checks of a profile in the order in which they run.
    pub fn of(profile: Profile) -> Vec<Self> {
        of(profile).map(|entry| entry.check).collect()
    }
}

/// Implementation of a check.
#[derive(Clone, Copy)]
pub(super) enum Work {
    /// By making calls.
    Calls(for<'s> fn(&'s mut Session) -> BoxFuture<'s, Checked>),
    /// On the answers to all other calls.
    Answers,
}

/// A check in the table.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub(super) check: Check,
    pub(super) profiles: &'static [Profile],
    /// Checks that must pass first, without which this one proves nothing.
    pub(super) needs: &'static [&'static str],
    /// Whether the check runs only on request, because it is slow or makes many calls.
    pub(super) is_slow: bool,
    pub(super) work: Work,
}

/// Returns the checks of a profile.
pub(super) fn of(profile: Profile) -> impl Iterator<Item = &'static Entry> {
    ENTRIES.iter().filter(move |entry| entry.profiles.contains(&profile))
}

/// All profiles except those of the console.
const ALL: &[Profile] =
    &[Of(SaasV2), Of(SaasV1), Of(KitV1), Of(KitV2), Of(LicenseCode), Of(LicenseOnline), Of(LicenseV1), Of(OrderNotify)];
const POSTS: &[Profile] = &[Of(SaasV2), Of(KitV1), Of(KitV2), Of(LicenseCode), Of(LicenseOnline), Of(OrderNotify)];
const SIGNED_V2: &[Profile] = &[Of(SaasV2), Of(KitV2), Of(LicenseCode), Of(LicenseOnline), Of(OrderNotify)];
const QUERY_V2: &[Profile] = &[Of(SaasV2), Of(LicenseCode), Of(LicenseOnline), Of(OrderNotify)];
const GETS: &[Profile] = &[Of(SaasV1), Of(LicenseV1)];
const TOKENS: &[Profile] = &[Of(SaasV1), Of(LicenseV1), Of(KitV1)];
const NAMED: &[Profile] = &[Of(SaasV2), Of(SaasV1), Of(LicenseCode), Of(LicenseOnline), Of(LicenseV1), Of(OrderNotify)];
const PURCHASES: &[Profile] = &[Of(SaasV2), Of(SaasV1), Of(LicenseOnline), Of(LicenseV1)];
const ASYNCHRONOUS: &[Profile] = &[Of(SaasV2), Of(SaasV1), Of(LicenseOnline)];
const SAAS: &[Profile] = &[Of(SaasV2), Of(SaasV1)];
const ONLY_V1: &[Profile] = &[Of(SaasV1)];
const KITS: &[Profile] = &[Of(KitV1), Of(KitV2)];
const CODES_ONLY: &[Profile] = &[Of(LicenseCode)];
const NOTICES: &[Profile] = &[Of(OrderNotify)];
/// Those whose messages name a state, or an operation.
const STATES: &[Profile] = &[Of(SaasV2), Of(SaasV1), Of(LicenseOnline), Of(LicenseCode), Of(KitV1), Of(KitV2)];
const CONSOLE: &[Profile] = &[Console, ConsoleV1, ConsoleLicense];
const CONSOLE_V1: &[Profile] = &[ConsoleV1];

/// References, named as in the documents.
const REQUESTS: &str = "interface requirements (License V2 list 2023-05-23; SaaS V2.0 Europe 2023-07-25)";
const SIGNATURE: &str = "\"HTTP Body signature\" of V2.0 (2025-08-06) or \"authToken\" of V1.0 (2025-04-25)";
const ANSWERS: &str = "FAQ of the debugging page (2025-11-13)";
const BODY_SIGN: &str = "V1.0 \"HTTP Body signature\" (2024-12-25) and its FAQ (2025-11-13)";
const SECRETS: &str = "V1.0 \"sensitive information\" and the official Java sample";
const MESSAGES: &str = "the message's page in the access guide";
const IDEMPOTENCE: &str = "the message's page: calls may be repeated at any time; businessId differs in each";
const CODES: &str = "\"Result codes\" of the access guide";
const DEBUGGING: &str = "\"Interface debugging\" (2025-11-13)";
const KIT: &str = "pages of the joint-operations Kit (V1.0 2025-12-30, V2.0 2025-11-13)";
const USAGE: &str = "open API reference, \"usage push\" (China 2025-11-13)";
const USAGE_INFO: &str = "\"queryInstance\" of the access guide: UsageInfo (China)";
const PACKAGES: &str = "guide to packages that stop when they are used up (2024-05-22)";
const EXPERIENCE: &str = "mistakes in published integrations";

/// Declares the table: id, severity, profiles, prerequisites and implementation; then rule, reference and hint.
macro_rules! entries {
    ($($id:literal $severity:ident $profiles:ident [$($need:literal),*] $($work:ident)::+ $(@ $slow:ident)?: $title:literal, $source:expr, $hint:literal;)*) => {
        const ENTRIES: &[Entry] = &[$(Entry {
            check: Check { id: $id, severity: Severity::$severity, title: $title, reference: $source, hint: $hint },
            profiles: $profiles,
            needs: &[$($need),*],
            is_slow: entries!(@is_slow $($slow)?),
            work: entries!(@work $($work)::+),
        }),*];
    };
    (@is_slow) => { false };
    (@is_slow slow) => { true };
    (@work answers) => { Work::Answers };
    (@work $($work:ident)::+) => { Work::Calls(|session| Box::pin($($work)::+(session))) };
}

entries! {
    "R1" Must ALL [] reach::answers: "the endpoint can be reached and answers", REQUESTS, "check that the server runs and that nothing in front of it blocks the call";
    "R2" Must ALL [] tls::handshake: "TLS is current, and the certificate valid for at least 30 more days", REQUESTS, "support TLS 1.2 and 1.3 and nothing older; renew the certificate automatically";
    "R3" Must SIGNED_V2 [] tls::address: "the address is https, with a domain name", REQUESTS, "register an https address with a domain name";
    "R3" Should TOKENS [] tls::address: "the address is https, with a domain name", REQUESTS, "register an https address with a domain name; V1.0 still accepts http";
    "R9" Info ALL ["R1"] reach::not_restricted: "callers are not restricted by an allow-list", ANSWERS, "allow all callers: the marketplace's addresses are not published";
    "A1" Must ALL ["R1"] first_call::canonical: "a valid call is accepted", SIGNATURE, "verify over the raw body or the decoded query, with the key of this interface type";
    "R4" Should NAMED ["A1"] reach::wrong_method: "other methods are refused", REQUESTS, "refuse everything but GET (V1.0) and POST";
    "R6" Should ALL ["A1"] connection::kept_open: "connections can be reused, or new ones opened", EXPERIENCE, "send Connection: close before closing, and the exact Content-Length";
    "R7" Info ALL ["R1"] reach::steady @ slow: "the same call always gets the same answer", EXPERIENCE, "check for replicas that differ, and for rate limits";
    "R8" Should ALL ["A1"] connection::forms: "the answer does not depend on how the call is sent, and is not compressed", EXPERIENCE, "accept chunked bodies and Expect, and disable compression for this address";


    "A3" Must GETS ["A1"] accept::both_spaces: "a space may be sent as %20 or as +", SIGNATURE, "decode the query as a form";
    "A2" Must GETS ["A1"] accept::difficult_values: "values with any characters are accepted", SIGNATURE, "decode each value exactly once, as UTF-8";
    "A4" Must ALL ["A1"] accept::unknown_field: "an undocumented signed field is accepted", SIGNATURE, "verify over all received fields, not over a fixed list, and ignore unknown ones";
    "A2" Must POSTS ["A4"] accept::difficult_values: "values with any characters are accepted", SIGNATURE, "decode each value exactly once, as UTF-8";
    "A5" Must NAMED ["A1"] accept::optional_left_out: "optional fields may be left out", MESSAGES, "require mandatory fields only";
    "A5" Must KITS ["A1"] kit::without_instance: "the first contact names no instance and no order", KIT, "accept an empty, null or absent instanceId and orderId: there is no purchase yet when credentials are applied for";
    "A6" Must GETS ["A1"] accept::empty_value: "a field may be empty, and is signed as empty", SIGNATURE, "keep empty values in the signed content";
    "A6" Must POSTS ["A4"] accept::empty_value: "a field may be empty, and is signed as empty", SIGNATURE, "keep empty values in the signed content";
    "A7" Must ALL ["A1"] accept::other_forms: "order and form of the content are free, and the signature is made over the documented form", SIGNATURE, "verify over the members sorted by name, without null and white space (V2.0, Kit), or over the parameters sorted by name (V1.0)";
    "A15" Info QUERY_V2 ["A1"] accept::raw_forms: "a signature over the received bytes is accepted, whatever their form", SIGNATURE, "accept both: the samples sign the canonical form, which is also what they send";
    "A8" Should ALL ["A4"] accept::sorting: "names are sorted by their bytes", SIGNATURE, "sort by bytes, independent of the locale";
    "A9" Must SIGNED_V2 ["A1"] accept::hex_case: "a signature in either letter case is accepted", SIGNATURE, "decode the hex and compare bytes in constant time: samples have both";
    "A10" Info QUERY_V2 ["A1"] accept::seconds: "a timestamp in seconds is accepted", SIGNATURE, "treat a value below 10^11 as seconds";
    "A11" Must TOKENS ["A1"] accept::token_with_plus: "a token with + is accepted", SIGNATURE, "decode the token exactly once";
    "A12" Should PURCHASES ["A1"] accept::large: "ids of full length are accepted", MESSAGES, "store ids of up to 64 characters";
    "A12" Should KITS ["A1"] kit::large: "200 users and 200 departments come in one call", KIT, "allow bodies of some hundred KB, also in front (nginx: client_max_body_size), and finish within the deadline";
    "A13" Must POSTS ["A1"] accept::content_types: "JSON is accepted under each of its content types", MESSAGES, "ignore the charset parameter";
    "A14" Must SIGNED_V2 ["A1"] accept::clocks_apart: "a call 50 s old or ahead is accepted", SIGNATURE, "allow 60 s both ways and keep the server's clock right";

    "X1" Must ALL ["A1"] forgery::unsigned: "a call without a signature is refused with 000001", CODES, "verify every call before anything else";
    "X2" Must ALL ["A1"] forgery::wrong_signature: "a wrong signature is refused with 000001", CODES, "compare the whole signature";
    "X3" Must ALL ["A1"] reject::changed_fields: "a call changed after signing is refused", SIGNATURE, "verify over every field that arrives";
    "X4" Must ALL ["A1"] reject::added_and_removed: "a call with a field added or removed after signing is refused", SIGNATURE, "verify over every field that arrives";
    "X5" Should ALL ["A1"] reject::repeated: "a repeated parameter is refused", EXPERIENCE, "refuse duplicate parameters and members: it is unknown which one was signed";
    "X6" Must ALL ["A1"] reject::other_keys: "a call signed with another key, or in another way, is refused", SIGNATURE, "use the key bound to this interface type, and HMAC throughout";
    "X7" Must SIGNED_V2 ["A1"] reject::too_old: "a call more than 60 s old is refused", SIGNATURE, "compare timestamp with now";
    "X7" Should TOKENS ["A1"] reject::very_old: "a call 30 days old is refused", EXPERIENCE, "limit the age of calls, generously: V1.0 defines no limit";
    "X8" Must SIGNED_V2 ["A1"] reject::far_ahead: "a call more than 60 s ahead is refused", SIGNATURE, "compare both ways";
    "X8" Should TOKENS ["A1"] reject::very_far_ahead: "a call 30 days ahead is refused", EXPERIENCE, "limit the age of calls both ways";
    "X9" Should ALL ["A1"] reject::malformed_time: "a call with a malformed time is refused without a crash", EXPERIENCE, "parse the time as untrusted input";
    "X10" Must ALL ["A1"] reject::replay: "a replayed call is refused or answered alike, and has no effect", SIGNATURE, "remember nonces (V2.0) or tokens (V1.0), with the answer or to refuse";
    "X11" Must ALL ["X10"] reject::replay_in_other_clothes: "a captured call re-encoded has no effect either", EXPERIENCE, "remember the signed content, not the URL or a header";
    "X12" Should SIGNED_V2 ["A1"] reject::nonce_again: "a nonce is valid for one call", SIGNATURE, "remember nonces for two minutes";
    "X13" Should SIGNED_V2 ["A1"] reject::nonces: "empty and excessively long nonces are refused", EXPERIENCE, "limit the length of stored nonces";
    "X14" Should GETS ["A1"] reject::encoded_twice: "a value encoded twice is refused", EXPERIENCE, "decode once; do not try several decodings";
    "X15" Info ALL ["X2"] leak::comparison @ slow: "the time of a refusal does not reveal correct parts of a signature", EXPERIENCE, "compare in constant time";
    "X16" Should POSTS ["A1"] reject::hostile_bodies: "hostile bodies are refused, and the endpoint keeps working", EXPERIENCE, "limit size and depth, and refuse duplicate members";
    "X16" Should GETS ["A1"] reject::hostile_queries: "hostile queries are refused, and the endpoint keeps working", EXPERIENCE, "parse the query as untrusted input";
    "X18" Should ALL ["A1"] reject::burst @ slow: "a burst of invalid calls does not block valid ones", EXPERIENCE, "make refusals cheap";
    "X19" Should ALL ["A1"] reject::swapped: "the signature of another call is refused", SIGNATURE, "verify over every field that arrives";
    "X20" Should PURCHASES ["A1"] generation::other_generation: "a key authenticates the calls of its own generation only", EXPERIENCE, "determine the generation from the call, then verify with the key of that generation only";
    "A16" Must ALL ["A1"] forms::documented: "every documented form and value of a field is accepted", MESSAGES, "read each field in all forms of its page, and let what only informs refuse nothing";

    "I1" Must PURCHASES ["A1"] once::twice: "the same order line gets the same instance id", IDEMPOTENCE, "store the instance id by order and order line, fixed at the first call";
    "I2" Must PURCHASES ["I1"] once::ten_times: "the same id at every repetition", IDEMPOTENCE, "store the instance id by order and order line";
    "I3" Must PURCHASES ["I1"] once::twenty_at_once: "concurrent copies create one instance", IDEMPOTENCE, "let a unique key in the database decide which call creates";
    "I4" Must PURCHASES ["I1"] once::hung_up: "a caller that disconnects and retries gets the same instance", IDEMPOTENCE, "store the id before the work";
    "I5" Must PURCHASES ["A1"] once::after_a_failure: "a failure is not remembered", IDEMPOTENCE, "remember successes only";
    "I6" Must PURCHASES ["A1"] once::different_orders: "another order line gets another instance", IDEMPOTENCE, "do not use the customer, or the order alone, as the idempotency key";
    "I7" Must ONLY_V1 ["I1"] once::pay_per_use: "a pay-per-use order has one instance per product", IDEMPOTENCE, "use order and product as the idempotency key if chargingMode is 0";
    "I8" Must PURCHASES ["A1"] once::renewal: "a repeated renewal succeeds and moves the expiry once", IDEMPOTENCE, "set the expiry to the time sent";
    "I9" Must PURCHASES ["A1"] once::status_and_release: "repeated freezes, unfreezes and releases succeed", IDEMPOTENCE, "answer success if nothing is left to do";
    "I9" Must CODES_ONLY ["A1"] once::status_and_release: "repeated calls about a code succeed", IDEMPOTENCE, "answer success if nothing is left to do";
    "I9" Must NOTICES ["A1"] once::notices: "a repeated notice succeeds", IDEMPOTENCE, "answer success if nothing is left to do";
    "I10" Must KITS ["A1"] kit::repeats: "repeated additions and deletions succeed", KIT, "answer success if nothing is left to do";
    "I11" Should GETS ["A1"] once::other_content: "an order with other content is still the same order", EXPERIENCE, "use only order and order line as the idempotency key";

    "I14" Must PURCHASES ["A1"] notice::beside_purchases: "a notice and a purchase of one order line do not get in each other's way", IDEMPOTENCE, "keep notices apart from purchases, also where both are stored by order line";
    "I12" Should PURCHASES ["I1"] time::days_later: "a repeat after 24 h and 30 days gets the same instance", EXPERIENCE, "store the order as long as the instance";
    "I13" Should ASYNCHRONOUS ["I1"] time::while_running: "a repeat does not restart running work", IDEMPOTENCE, "record that the work has begun, in the transaction that fixes the id";

    "D2" Must ASYNCHRONOUS ["A1"] time::done_later: "work deferred with 000004 gets done, and stays done", MESSAGES, "do the work in the background, store its result, and answer queries from that";
    "D3" Must ASYNCHRONOUS ["A1"] time::hung_up_at_the_deadline: "a caller that disconnects at the deadline gets the same instance in the end", IDEMPOTENCE, "continue the work when the caller disconnects, and let the next attempt join it";

    "L1" Must PURCHASES ["A1"] lifecycle::whole_life: "an instance lives from purchase to release", MESSAGES, "handle every call of the guide's matrix";
    "L1" Must KITS ["A1"] kit::whole_life: "an enterprise is bound, filled, emptied and unbound", KIT, "handle all five messages and each of their flags";
    "L2" Must PURCHASES ["A1"] lifecycle::unknown_instance: "calls about an unknown instance are refused with 000003", CODES, "look up the instance; report no success for work that was not done";
    "L3" Should SAAS ["A1"] lifecycle::upgrade: "trials are converted, upgrades are idempotent, and checks of changes change nothing", MESSAGES, "use the new order as the idempotency key of an upgrade";
    "L4" Must PURCHASES ["A1"] lifecycle::expiry: "a renewal sets the expiry to the time sent, later or earlier", MESSAGES, "set expireTime; do not add to it, and do not ignore it";
    "L5" Should PURCHASES ["A1"] lifecycle::after_release: "released instances stay released", EXPERIENCE, "remember released instances";
    "L6" Should PURCHASES ["A1"] lifecycle::out_of_order: "calls may arrive out of order", EXPERIENCE, "do not rely on the order of calls";
    "L7" Must NAMED ["A1"] lifecycle::unknown_activity: "an unknown activity is refused with 000002", CODES, "answer unknown activities with a code of their own";
    "L8" Must ALL ["A1"] lifecycle::missing_fields: "a missing or malformed mandatory field is refused with 000002", CODES, "check fields against the guide's tables";
    "L9" Must ONLY_V1 ["A1"] lifecycle::charging_modes: "purchases in the product's ways of charging are accepted", MESSAGES, "accept the chargingMode of the product, and every unit of its period";
    "L17" Info ONLY_V1 ["A1"] lifecycle::other_charging_modes: "purchases in every other way of charging are accepted", MESSAGES, "nothing, unless the product is sold so: choose with --charging";
    "L10" Must SAAS ["A1"] lifecycle::test_life: "calls with testFlag 1 succeed for any instance and leave nothing behind", DEBUGGING, "verify, check and answer such calls without touching data";
    "L11" Should SAAS ["A1"] lifecycle::test_flag_off: "testFlag 0 is a real call", MESSAGES, "treat absent, empty and 0 as real calls";
    "L12" Must ONLY_V1 ["A1"] lifecycle::extend_params: "extension parameters are accepted", MESSAGES, "decode saasExtendParams from Base64 after verifying";
    "L13" Must ONLY_V1 ["A1"] lifecycle::encrypted_fields: "phone and e-mail are decrypted, and damaged ones do no harm", SECRETS, "derive the AES key as Java's SHA1PRNG does, and check the padding";
    "L13" Must KITS ["A1"] kit::client_secret: "clientSecret is decrypted, and a damaged one is refused", KIT, "decrypt with RSA-OAEP and try the variations of its hashes; answer a failure if none fits";
    "L18" Should STATES ["A1"] forms::undocumented: "an undocumented status or flag is refused with 000002", MESSAGES, "refuse a status or flag that you do not know: it cannot be acted on";
    "L14" Should PURCHASES ["L4"] lifecycle::special_times: "special times are kept to the second", EXPERIENCE, "keep times in UTC";
    "L15" Should PURCHASES ["L1"] time::grace: "frozen instances can be renewed for 15 days", MESSAGES, "keep the data of frozen instances, and set state and expiry when they are renewed";

    "Q1" Must SAAS ["A1"] query::one_many_unknown: "queries of one, several and unknown instances are answered", MESSAGES, "split instanceId at commas";
    "Q2" Must SAAS ["A1"] query::steady: "an existing instance stays", MESSAGES, "answer queries from stored data";
    "Q3" Should SAAS ["A1"] query::without_effect: "queries change nothing", MESSAGES, "do not create or change anything in a query";
    "Q5" Must SAAS [] usage::fit: "pushed usage is accepted", USAGE, "report each instance and period once, with a unique id, after the period";
    "Q6" Should SAAS [] usage::again_after_failures: "failed pushes are retried with the same ids", USAGE, "fix the id when the record is created, retry until it is accepted, and treat \"reported before\" as success";
    "Q8" Must SAAS ["A1"] usage_figures::related: "usage of a package names the pay-per-use instance", USAGE_INFO, "send one usageInfo for each pay-per-use instance whose usage is deducted from the package, with its id as relatedInstanceId";
    "Q9" Should SAAS ["A1"] usage_figures::agrees: "usage in answers to queries has what was pushed", USAGE_INFO, "answer queries from running totals that are added up when usage is recorded, as of now; nothing needs to change where the totals begin at zero by the product's rules";
    "Q10" Should SAAS [] usage_figures::packages_last: "usage is deducted from packages that are valid and have enough left", PACKAGES, "deduct usage and record it in one transaction, from packages that are valid at its time, and split it over several where one does not suffice";
    "D4" Should PURCHASES ["I1"] once::fifty_orders @ slow: "50 purchases at once are answered in time", EXPERIENCE, "do the work after the answer";
    "D5" Should ALL ["A1"] connection::slow_senders @ slow: "slow callers do not block others", EXPERIENCE, "serve connections concurrently, and limit how long a request may take to arrive";

    "R5" Should ALL [] answers: "no redirect", EXPERIENCE, "register the final address";
    "D1" Must ALL [] answers: "every answer comes within the deadline", REQUESTS, "answer 000004 (V2.0) or a fixed id (V1.0) and do the work afterwards";
    "F1" Must ALL [] answers: "HTTP 200 and JSON with resultCode and resultMsg", ANSWERS, "send every answer through one function";
    "F2" Must ALL [] answers: "content type application/json", ANSWERS, "set the header on error answers too";
    "F3" Must TOKENS [] answers: "Body-Sign on every answer", BODY_SIGN, "sign error answers too";
    "F4" Must TOKENS [] answers: "the header's name is exactly Body-Sign", BODY_SIGN, "let the server write the letter case as given (HAProxy: h1-case-adjust), and speak HTTP/1.1 in front";
    "F5" Must TOKENS [] answers: "Body-Sign has the documented form", BODY_SIGN, "quote both values";
    "F6" Must TOKENS [] answers: "Body-Sign signs exactly the bytes sent", BODY_SIGN, "serialize once, sign those bytes, send those bytes";
    "F7" Must ALL [] answers: "the code is documented for the activity", CODES, "use the six-character codes of the document";
    "F8" Must PURCHASES [] answers: "mandatory fields are in the answer", ANSWERS, "always send instanceId, and frontEndUrl with access data";
    "F9" Must ALL [] answers: "fields of the answer keep their lengths and types", ANSWERS, "check lengths before answering; encrypted fields count as sent";
    "F10" Should SAAS [] answers: "memo is written in \\u escapes", MESSAGES, "write answers as ASCII-only JSON";
    "F11" Must ONLY_V1 [] answers: "encryptType names the cipher that was used", SECRETS, "send \"1\" for AES-256 and \"2\" for AES-128, as a string";
    "F12" Must ONLY_V1 [] answers: "account and password can be decrypted", SECRETS, "IV of 16 characters, then Base64 of the whole ciphertext, under the SHA1PRNG key";
    "F13" Should ONLY_V1 [] answers: "every encryption has its own IV", SECRETS, "take the IV from the operating system's random generator";
    "F14" Should SAAS [] answers: "passwords are not trivial, and addresses have TLS", EXPERIENCE, "generate random initial passwords, and use https addresses";
    "F15" Should ALL [] answers: "no versions, and no undocumented personal data", EXPERIENCE, "write answers from a fixed list of members, and disable version headers";
    "F16" Should SAAS [] answers: "times in answers have their format", MESSAGES, "write yyyyMMddHHmmssSSS in UTC";
    "L16" Info ALL [] answers: "codes about product, customer or License fit the activity", CODES, "use them only for the activities that document them";
    "Q4" Must SAAS [] answers: "usage has both value and time", ANSWERS, "send usageValue and statisticalTime together";
    "Q7" Must SAAS [] answers: "usage has at most 8 digits and 4 decimals", USAGE_INFO, "add usage up as decimal numbers, and write them plainly";
    "X17" Must ALL [] answers: "answers contain no secrets", EXPERIENCE, "log the details, answer with a code and a plain text";

    "C11" Must CONSOLE [] console::cases: "the production address is reachable", ANSWERS, "check that the server runs, is public, and is not blocked by a gateway";
    "C12" Must CONSOLE [] console::in_time: "the answer comes within 20 s", ANSWERS, "answer first, work afterwards";
    "C13" Must CONSOLE [] console::status: "httpCode is 200", ANSWERS, "let the resultCode say what is wrong";
    "C10" Must CONSOLE [] console::content_type: "the content type is application/json", ANSWERS, "set the header";
    "C1" Must CONSOLE_V1 [] console::body_sign_is_there: "the response has Body-Sign, in exactly this form", BODY_SIGN, "sign every answer, keep the letter case of the header, and quote both values";
    "C2" Must CONSOLE_V1 [] console::body_sign_fits: "the signature of the body matches", BODY_SIGN, "sign exactly the bytes that are sent, with the access key itself";
    "C9" Must CONSOLE [] console::parsable: "the body can be parsed", ANSWERS, "always send resultCode and resultMsg";
    "C6" Must CONSOLE [] console::success: "the result code is 000000", ANSWERS, "answer success to testFlag 1, for unknown instances too";
    "C7" Must CONSOLE [] console::mandatory: "mandatory fields are there", ANSWERS, "send instanceId, frontEndUrl with purchases of V1.0, and usageValue and statisticalTime in every usageInfo";
    "C8" Must CONSOLE [] console::lengths: "fields keep their lengths", ANSWERS, "check lengths before answering";
}
