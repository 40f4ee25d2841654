//! Methods of ledgers that wrap another one.

/// Writes methods of a `Ledger` that are those of the ledger in a field.
macro_rules! delegated {
    ($field:tt: $($method:ident),+) => { $($crate::delegated::delegated!(@ $method $field);)+ };
    (@ status $field:tt) => {
        fn status<'a>(
            &'a self,
            step: &'a ::koogallery::ledger::Step,
            now: ::koogallery::timestamp::Timestamp,
        ) -> $crate::delegated::Answer<'a, ::koogallery::ledger::StepStatus> {
            self.$field.status(step, now)
        }
    };
    (@ begin $field:tt) => {
        fn begin<'a>(
            &'a self,
            step: &'a ::koogallery::ledger::Step,
            lease: ::koogallery::lease::Lease,
            now: ::koogallery::timestamp::Timestamp,
        ) -> $crate::delegated::Answer<'a, ::koogallery::ledger::LeaseOutcome> {
            self.$field.begin(step, lease, now)
        }
    };
    (@ extend $field:tt) => {
        fn extend<'a>(
            &'a self,
            id: &'a str,
            lease: ::koogallery::lease::Lease,
            now: ::koogallery::timestamp::Timestamp,
        ) -> $crate::delegated::Answer<'a, ()> {
            self.$field.extend(id, lease, now)
        }
    };
    (@ complete $field:tt) => {
        fn complete<'a>(
            &'a self,
            step: &'a ::koogallery::ledger::Step,
            id: &'a str,
            lease: ::koogallery::lease::Lease,
            now: ::koogallery::timestamp::Timestamp,
        ) -> $crate::delegated::Answer<'a, ::std::sync::Arc<::koogallery::ledger::Instance>> {
            self.$field.complete(step, id, lease, now)
        }
    };
    (@ abandon $field:tt) => {
        fn abandon<'a>(
            &'a self,
            id: &'a str,
            lease: ::koogallery::lease::Lease,
        ) -> $crate::delegated::Answer<'a, ()> {
            self.$field.abandon(id, lease)
        }
    };
    (@ instance $field:tt) => {
        fn instance<'a>(
            &'a self,
            id: &'a str,
        ) -> $crate::delegated::Answer<'a, Option<::std::sync::Arc<::koogallery::ledger::Instance>>> {
            self.$field.instance(id)
        }
    };
    (@ instances $field:tt) => {
        fn instances<'a>(
            &'a self,
            after: Option<&'a str>,
            limit: usize,
        ) -> $crate::delegated::Answer<'a, Vec<::std::sync::Arc<::koogallery::ledger::Instance>>> {
            self.$field.instances(after, limit)
        }
    };
}

pub(crate) use delegated;

pub type Answer<'a, T> = futures_util::future::BoxFuture<'a, Result<T, koogallery::ledger::LedgerError>>;
