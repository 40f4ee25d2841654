//! Words that several families of callbacks share.

use super::values::open_enum;

open_enum! {
    /// The status to take.
    pub enum FreezeStatus {
        /// Unusable, data kept (for up to 15 days).
        Freeze = "FREEZE",
        /// Usable again.
        Unfreeze = "UNFREEZE",
    }
}

open_enum! {
    /// Reason for which the expiry date changes.
    pub enum RenewalScene {
        /// A trial became commercial (SaaS V2.0, online License).
        TrialToFormal = "TRIAL_TO_FORMAL",
        /// A renewal.
        Renewal = "RENEWAL",
        /// A renewal was unsubscribed: the expiry moves **back**.
        UnsubscribeRenewalPeriod = "UNSUBSCRIBE_RENEWAL_PERIOD",
        /// A renewal with another specification (SaaS V2.0 in China and international; not Europe).
        RenewalChange = "RENEWAL_CHANGE",
    }
}

open_enum! {
    /// Unit of a purchase period; `day` exists in other documents and is kept as an unknown text.
    pub enum PeriodType {
        /// Years.
        Year = "year",
        /// Months.
        Month = "month",
    }
}
