//! Documented values of fields.

/// Returns a typical value of an optional field of a purchase in V1.0.
pub(super) fn typical(name: &str) -> Option<&'static str> {
    Some(match name {
        "customerName" => "ada",
        "userId" => "05d5b2a5e3f14f6fa5e2f5d3a0c1b2d3",
        "userName" => "ada.byron",
        "skuCode" => "11111111-2222-3333-4444-555555555555",
        "trialFlag" => "0",
        "expireTime" => "20300101000000",
        "chargingMode" => "1",
        // A list without entries, in Base64.
        "saasExtendParams" => "W10=",
        "amount" | "diskSize" | "bandWidth" => "1",
        "periodType" => "year",
        "periodNumber" => "1",
        "provisionType" => "1",
        "acceptanceTime" => "20290101000000",
        "orderAmount" => "100",
        _ => return None,
    })
}
