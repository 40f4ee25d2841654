//! The six-character codes of an answer.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::activity::Activity;

macro_rules! result_codes {
    ($($(#[$docs:meta])* $name:ident = $code:literal, $message:literal;)*) => {
        /// `resultCode` of an answer, for every family of callbacks.
        ///
        /// An answer that is not [accepted](ResultCode::is_accepted_for) counts as a failed call, which the marketplace
        /// [repeats or not](Activity::is_retried) whatever the code.
        ///
        /// Source: "Result codes" of the SaaS access guides V1.0 and V2.0 (China, international, Europe), of the
        /// License authorization code guide 2.0 (2025-04-25) and of the License client guide (2025-02-12). Order
        /// notification and License V1 have no list of their own: the general one and that of SaaS V1.0 are taken
        /// (unverified).
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
    /// There is no such instance; in authorization code 2.0, no such code.
    InstanceNotFound = "000003", "instance does not exist";
    /// Accepted, not finished yet. Documented among the codes of every callback; that it counts as accepted only for a
    /// creation and for the application for a License is an inference (unverified).
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
    /// The order's quota is used up (application for an online License).
    QuotaInsufficient = "000900", "quota of the order is insufficient";
    /// The application is not within the validity of the order (application for an online License).
    OutsideValidity = "000901", "apply within the validity of the order";
    /// A License for a period needs an expiry time (application for an online License).
    ExpireTimeRequired = "000902", "a period License needs an expiry time";
    /// A device fingerprint or hardware identification code is required (application for an online License).
    DeviceFingerprintRequired = "000903", "device fingerprint required";
}

impl ResultCode {
    /// Returns whether the documents know the code as an answer to the activity.
    ///
    /// The widest table counts where sites, generations or families differ: the European and the international V1.0
    /// tables end at `000100`, and the online License's at the `000900`s. `000003` is also taken where the documents
    /// demand an existing instance without naming a code (queries, `upgrade`, `getLicenseAsync`), and `000004` for
    /// `queryInstance` while an instance is being created (no document says what to answer then: unverified). The
    /// marketplace's sample project answers `000101` to a Kit `applicationSync` whose secret it cannot decrypt.
    ///
    /// ```
    /// use koogallery::activity::Activity;
    /// use koogallery::result_code::ResultCode;
    ///
    /// assert!(ResultCode::InvalidParameter.allowed_for(Activity::NewInstance));
    /// assert!(!ResultCode::Processing.is_accepted_for(Activity::ExpireInstance));
    /// assert!(ResultCode::Processing.is_accepted_for(Activity::NewInstance));
    /// assert_eq!(ResultCode::Processing.as_str(), "000004");
    /// assert!(!ResultCode::Processing.default_message().is_empty());
    /// ```
    pub const fn allowed_for(self, activity: Activity) -> bool {
        use Activity as A;
        match self {
            Self::Success | Self::AuthenticationFailed | Self::InvalidParameter | Self::InternalError => true,
            Self::InstanceNotFound => !matches!(activity, A::NewInstance | A::GetLicense),
            // SaaS V1.0 and the general list have it for every callback, the others for what can be asynchronous.
            Self::Processing => {
                !matches!(activity, A::UpdateInstanceStatus | A::UpgradeInstance | A::ChangeInstanceCheck)
            }
            Self::NoResource => {
                matches!(activity, A::NewInstance | A::Upgrade | A::UpgradeInstance | A::GetLicense)
            }
            Self::MobilePhoneUnusable => matches!(activity, A::NewInstance | A::GetLicense | A::ApplicationSync),
            Self::QuotaInsufficient
            | Self::OutsideValidity
            | Self::ExpireTimeRequired
            | Self::DeviceFingerprintRequired => matches!(activity, A::GetLicenseAsync),
            _ => matches!(activity, A::NewInstance | A::GetLicense),
        }
    }

    /// Returns whether the marketplace takes the code as an answer that it need not repeat the call for: success, and
    /// [`ResultCode::Processing`] for what may be done asynchronously (`newInstance`, though not that of SaaS V1.0, and
    /// `getLicenseAsync`).
    pub const fn is_accepted_for(self, activity: Activity) -> bool {
        match self {
            Self::Success => true,
            Self::Processing => matches!(activity, Activity::NewInstance | Activity::GetLicenseAsync),
            _ => false,
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

    /// The License guides' tables, code by code.
    #[test]
    fn license_callbacks_know_the_codes_of_their_tables() {
        let allowed = |activity| -> Vec<_> {
            ResultCode::ALL.iter().filter(|code| code.allowed_for(activity)).map(|code| code.as_str()).collect()
        };
        let general = ["000000", "000001", "000002", "000003", "000004", "000005"];
        for activity in [
            Activity::RefreshLicenseCode,
            Activity::UpdateLicenseCodeStatus,
            Activity::ReleaseLicenseCode,
            Activity::OrderNotify,
        ] {
            assert_eq!(allowed(activity), general, "{activity}");
        }
        assert_eq!(
            allowed(Activity::GetLicenseAsync),
            [&general[..], &["000900", "000901", "000902", "000903"]].concat()
        );
        assert_eq!(allowed(Activity::GetLicense), allowed(Activity::NewInstance), "the list of SaaS V1.0");
    }

    #[test]
    fn only_what_may_be_asynchronous_is_accepted_unfinished() {
        let accepted = |code: ResultCode, activity| code.is_accepted_for(activity);
        for activity in [Activity::NewInstance, Activity::GetLicenseAsync] {
            assert!(accepted(ResultCode::Processing, activity) && !accepted(ResultCode::InternalError, activity));
        }
        for activity in [Activity::RefreshLicenseCode, Activity::GetLicense, Activity::OrderNotify] {
            assert!(accepted(ResultCode::Success, activity) && !accepted(ResultCode::Processing, activity));
        }
    }
}
