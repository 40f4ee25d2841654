//! The six-character codes of an answer.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::activity::Activity;

macro_rules! result_codes {
    ($($(#[$docs:meta])* $name:ident = $code:literal, $message:literal;)*) => {
        /// `resultCode` of an answer, for all generations of the SaaS and Kit callbacks.
        ///
        /// Everything but [`ResultCode::Success`] counts as a failed call, except [`ResultCode::Processing`] as the
        /// answer to a V2.0 `newInstance`.
        ///
        /// Source: "Result codes" of the SaaS access guides V1.0 and V2.0 (China, international, Europe).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ResultCode {
            $($(#[$docs])* #[doc = concat!("\n\nCode `", $code, "`.")] $name,)*
        }

        impl ResultCode {
            /// Every code, in ascending order.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The six characters on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            /// The `resultMsg` that is sent when the seller gives no other.
            pub const fn default_message(self) -> &'static str {
                match self { $(Self::$name => $message),* }
            }
        }
    };
}

result_codes! {
    /// Done.
    Success = "000000", "success";
    /// The signature or token is missing or wrong.
    AuthenticationFailed = "000001", "authentication failed";
    /// A parameter is missing, malformed, stale or of unknown meaning.
    InvalidParameter = "000002", "invalid request parameter";
    /// There is no such instance.
    InstanceNotFound = "000003", "instance does not exist";
    /// Accepted, not finished yet.
    Processing = "000004", "request is being processed";
    /// Anything that went wrong inside the seller's system.
    InternalError = "000005", "internal error";
    /// No instance can be allocated.
    NoResource = "000100", "no instance resource available";
    /// The mobile number is missing or already used (China and international V2.0; China V1.0).
    MobilePhoneUnusable = "000101", "mobile number is empty or already used";
    /// The e-mail address is missing or already used (China and international V2.0; China V1.0).
    EmailUnusable = "000102", "email address is empty or already used";
    /// The product was bought before and cannot be bought twice (China and international V2.0; China V1.0).
    AlreadyPurchased = "000103", "product already purchased";
    /// The product's own service failed (China and international V2.0; China V1.0).
    ProductServiceError = "000104", "internal error of the product service";
    /// The account already has these benefits (China and international V2.0; China V1.0).
    AlreadyEntitled = "000105", "account already has the benefits";
    /// Sold out (China and international V2.0; China V1.0).
    SoldOut = "000106", "product is sold out";
    /// The e-mail domain is already in use (China and international V2.0; China V1.0).
    EmailDomainExists = "000107", "email domain already exists";
}

impl ResultCode {
    /// Whether the documents know the code as an answer to the activity.
    ///
    /// Where sites differ the widest table counts: the European and the international V1.0 tables end at `000100`.
    /// `000003` is also taken for the queries and for `upgrade`, where the documents demand an existing instance
    /// without naming a code, and `000004` for `queryInstance` while an instance is being created (no document says
    /// what to answer then: unverified). The marketplace's sample project answers `000101` to a Kit `applicationSync`
    /// whose secret it cannot decrypt.
    pub const fn allowed_for(self, activity: Activity) -> bool {
        use Activity as A;
        match self {
            Self::Success | Self::AuthenticationFailed | Self::InvalidParameter | Self::InternalError => true,
            Self::InstanceNotFound => !matches!(activity, A::NewInstance),
            // V1.0 lists it for every callback, V2.0 for creation only.
            Self::Processing => {
                !matches!(activity, A::UpdateInstanceStatus | A::UpgradeInstance | A::ChangeInstanceCheck)
            }
            Self::NoResource => {
                matches!(activity, A::NewInstance | A::Upgrade | A::UpgradeInstance)
            }
            Self::MobilePhoneUnusable => matches!(activity, A::NewInstance | A::ApplicationSync),
            _ => matches!(activity, A::NewInstance),
        }
    }
}

impl fmt::Display for ResultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ResultCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ResultCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        let known = Self::ALL.iter().copied().find(|code| code.as_str() == text);
        known.ok_or_else(|| serde::de::Error::custom("unknown result code"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_six_characters_and_ascend() {
        assert!(ResultCode::ALL.iter().all(|code| code.as_str().len() == 6));
        assert!(ResultCode::ALL.windows(2).all(|pair| pair[0].as_str() < pair[1].as_str()));
    }

    #[test]
    fn purchase_refusals_belong_to_creation_only() {
        assert!(ResultCode::SoldOut.allowed_for(Activity::NewInstance));
        assert!(!ResultCode::SoldOut.allowed_for(Activity::RefreshInstance));
        assert!(!ResultCode::SoldOut.allowed_for(Activity::ApplicationSync));
        assert!(!ResultCode::InstanceNotFound.allowed_for(Activity::NewInstance));
    }
}
