//! The suites for License stores.

use bytes::Bytes;
use futures_util::future::join_all;

use super::{HOUR, NOW, SECOND, SHORT, Time, later, ok};
use crate::lease::Lease;
use crate::license_store::{
    ApplicationId, ApplicationOutcome, Applied, License, LicenseApplication, LicenseStore, Progress, StoredApplication,
};
use crate::timestamp::Timestamp;

/// Checks the rules of a [`LicenseStore`]; `make` returns a new, empty store at every call.
///
/// # Panics
///
/// A rule is broken, or the store fails.
pub async fn license_store<S: LicenseStore>(make: impl AsyncFn() -> S) {
    an_application_is_stored_as_it_is(&make().await).await;
    a_repeat_is_accepted_and_another_is_a_conflict(&make().await).await;
    one_holder_has_an_application_until_its_lease_ends(&make().await).await;
    the_first_license_counts(&make().await).await;
    work_ends_as_its_outcome_says(&make().await).await;
    only_the_holder_ends_the_work(&make().await).await;
    what_is_due_is_leased_once(&make().await).await;
}

/// Checks the rules of a [`LicenseStore`] that several processes share; `open` opens the same store at every call. It
/// is empty at first.
///
/// # Panics
///
/// A rule is broken, or the store fails.
pub async fn shared_license_store<S: LicenseStore>(open: impl AsyncFn() -> S) {
    let (kept, left) = (application("kept"), application("left"));
    {
        let store = open().await;
        apply(&store, kept.clone(), NOW).await;
        claim(&store, &kept.id, 1, NOW).await;
        keep(&store, &kept.id, License::text("LICENSE")).await;
        settle(&store, &kept.id, 1, ApplicationOutcome::Delivered).await;
        apply(&store, left.clone(), NOW).await;
        claim(&store, &left.id, 1, NOW).await;
    }
    let (one, other) = (open().await, open().await);
    let mut expected = StoredApplication::new(kept.clone(), Progress::Delivered);
    (expected.license, expected.attempts) = (Some(License::text("LICENSE")), 1);
    assert_eq!(stored(&one, &kept.id).await, expected, "applications and Licenses are kept over a restart");
    assert_eq!(claim(&one, &left.id, 2, NOW).await, None, "leases are kept over a restart");
    settle(&one, &left.id, 1, ApplicationOutcome::GivenUp).await;

    let stores: [&dyn LicenseStore; 2] = [&one, &other];
    for index in 0..20 {
        apply(&one, application(&format!("event{index}")), NOW).await;
    }
    let tries = (0..10).map(|index| async move {
        let due = stores[index % 2].claim_due(lease(index as u128), NOW, 5).await;
        ok("claim_due", due).into_iter().map(|stored| stored.application.id)
    });
    let mut leased: Vec<ApplicationId> = join_all(tries).await.into_iter().flatten().collect();
    let count = leased.len();
    leased.sort();
    leased.dedup();
    assert_eq!((count, leased.len()), (20, 20), "every application is leased to one holder");
}

/// Checks that a [`LicenseStore`] that several machines share decides about leases by its own clock, whatever time the
/// caller has; `open` opens the same store at every call. It is empty at first.
///
/// # Panics
///
/// A rule is broken, or the store fails.
pub async fn replicated_license_store<S: LicenseStore>(open: impl AsyncFn() -> S) {
    let (one, other) = (open().await, open().await);
    for (index, ahead) in [4 * SECOND, 30 * SECOND, 24 * HOUR].into_iter().enumerate() {
        let (application, fast) = (application(&format!("skewed{index}")), later(ahead));
        let id = &application.id;
        apply(&one, application.clone(), NOW).await;
        ok("claim", one.claim(id, Lease::new(1, 3 * SECOND), NOW).await);
        assert_eq!(claim(&other, id, 2, fast).await, None, "a caller that is {ahead:?} ahead takes no lease");
        let due = ok("claim_due", other.claim_due(lease(2), fast, 9).await);
        assert_eq!(due, [], "a caller that is {ahead:?} ahead takes no lease");
        settle(&one, id, 1, ApplicationOutcome::Later(NOW)).await;

        // One that is ahead keeps it for no longer than it says.
        ok("claim", other.claim(id, Lease::new(2, SHORT), fast).await);
        claim_when_over(&one, id, 3).await;
        ok("extend", one.extend(id, Lease::new(3, SHORT), fast).await);
        claim_when_over(&other, id, 4).await;
        settle(&other, id, 4, ApplicationOutcome::GivenUp).await;
    }
}

fn lease(holder: u128) -> Lease {
    Lease::new(holder, HOUR)
}

fn application(event: &str) -> LicenseApplication {
    LicenseApplication::new(ApplicationId::Event(event.to_owned()), "instance-1")
}

async fn apply(store: &dyn LicenseStore, application: LicenseApplication, now: Timestamp) -> StoredApplication {
    match ok("apply", store.apply(application, now).await) {
        Applied::Accepted(stored) => stored,
        Applied::Conflict => panic!("an application that conflicts with none was not accepted"),
    }
}

async fn claim(
    store: &dyn LicenseStore,
    id: &ApplicationId,
    holder: u128,
    now: Timestamp,
) -> Option<StoredApplication> {
    ok("claim", store.claim(id, lease(holder), now).await)
}

/// Claims once a short lease of another holder is over.
async fn claim_when_over(store: &dyn LicenseStore, id: &ApplicationId, holder: u128) -> StoredApplication {
    Time::from(NOW).when_over(async |now| claim(store, id, holder, now).await).await
}

async fn keep(store: &dyn LicenseStore, id: &ApplicationId, license: License) -> License {
    ok("keep", store.keep(id, license).await)
}

async fn settle(store: &dyn LicenseStore, id: &ApplicationId, holder: u128, outcome: ApplicationOutcome) {
    ok("settle", store.settle(id, lease(holder), outcome).await);
}

async fn stored(store: &dyn LicenseStore, id: &ApplicationId) -> StoredApplication {
    ok("application", store.application(id).await).unwrap_or_else(|| panic!("application {id:?} is missing"))
}

async fn an_application_is_stored_as_it_is(store: &dyn LicenseStore) {
    let mut full = application("E1");
    full.device = Some("fingerprint '\" 设备".into());
    full.effective_time = Some(NOW);
    full.expire_time = Some(later(HOUR));
    let mut order = application("E1");
    order.id = ApplicationId::Order("E1".to_owned());
    for application in [full, order, application("e1"), application("E1 ")] {
        assert_eq!(ok("application", store.application(&application.id).await), None, "a new id");
        let accepted = apply(store, application.clone(), NOW).await;
        let expected = StoredApplication::new(application.clone(), Progress::Due(NOW));
        assert_eq!(accepted, expected, "a new application is due");
        assert_eq!(stored(store, &application.id).await, expected, "an application is stored as it is");
    }
}

async fn a_repeat_is_accepted_and_another_is_a_conflict(store: &dyn LicenseStore) {
    let first = application("E1");
    apply(store, first.clone(), NOW).await;
    let mut repeat = first.clone();
    repeat.expire_time = Some(later(HOUR));
    let accepted = apply(store, repeat, later(SECOND)).await;
    assert_eq!(accepted.application, first, "the times of the first application count");
    assert_eq!(accepted.progress, Progress::Due(NOW), "a repeat does not postpone an application");

    let (mut other_instance, mut other_device) = (first.clone(), first.clone());
    other_instance.instance_id = "instance-2".to_owned();
    other_device.device = Some("fingerprint".into());
    for other in [other_instance, other_device] {
        let applied = ok("apply", store.apply(other, NOW).await);
        assert_eq!(applied, Applied::Conflict, "an id belongs to one instance and device");
    }
    assert_eq!(stored(store, &first.id).await.application, first, "a conflict changes nothing");

    let order = LicenseApplication::new(ApplicationId::Order("CS1".to_owned()), "instance-1");
    apply(store, order.clone(), NOW).await;
    let mut repeat = order.clone();
    repeat.instance_id = "instance-2".to_owned();
    assert_eq!(apply(store, repeat, NOW).await.application, order, "an order has one application");

    // A lease survives a repeat.
    let leased = claim(store, &first.id, 1, NOW).await;
    assert_eq!(Some(apply(store, first.clone(), NOW).await), leased, "a repeat during the work changes nothing");
    assert_eq!(claim(store, &first.id, 2, NOW).await, None, "a repeat during the work ends no lease");
    settle(store, &first.id, 1, ApplicationOutcome::Delivered).await;
    assert_eq!(stored(store, &first.id).await.progress, Progress::Delivered, "the holder goes on after a repeat");
}

async fn one_holder_has_an_application_until_its_lease_ends(store: &dyn LicenseStore) {
    let id = application("E1").id;
    assert_eq!(claim(store, &id, 1, NOW).await, None, "an unknown application cannot be leased");
    apply(store, application("E1"), later(SECOND)).await;
    assert_eq!(claim(store, &id, 1, NOW).await, None, "an application cannot be leased before it is due");
    let leased = claim(store, &id, 1, later(SECOND)).await;
    let leased = leased.unwrap_or_else(|| panic!("an application that is due can be leased"));
    assert_eq!((&leased.application, leased.attempts), (&application("E1"), 1), "a lease is an attempt");
    assert_eq!(stored(store, &id).await, leased, "a lease is stored");
    assert_eq!(claim(store, &id, 2, later(SECOND)).await, None, "another holder has it");
    ok("extend", store.extend(&id, Lease::new(2, SHORT), later(SECOND)).await);
    std::thread::sleep(2 * SHORT);
    assert_eq!(claim(store, &id, 2, later(2 * SECOND)).await, None, "only its holder extends or shortens a lease");
    ok("extend", store.extend(&id, Lease::new(1, SHORT), NOW).await);
    assert_eq!(claim_when_over(store, &id, 2).await.attempts, 2, "a lease is over at its end, and counts");
    ok("extend", store.extend(&id, Lease::new(1, SHORT), NOW).await);
    std::thread::sleep(2 * SHORT);
    assert_eq!(claim(store, &id, 3, later(60 * SECOND)).await, None, "a former holder extends nothing");
}

async fn the_first_license_counts(store: &dyn LicenseStore) {
    let file = License::File { name: "许可.lic".to_owned(), content: Bytes::from_static(b"\0\xff\r\n") };
    let licenses = [License::text("许可 '\""), License::text(""), file, License::DeliveredElsewhere];
    for (index, license) in licenses.into_iter().enumerate() {
        let application = application(&format!("E{index}"));
        apply(store, application.clone(), NOW).await;
        claim(store, &application.id, 1, NOW).await;
        assert_eq!(keep(store, &application.id, license.clone()).await, license, "the first License counts");
        assert_eq!(keep(store, &application.id, License::text("late")).await, license, "a second License does not");
        assert_eq!(stored(store, &application.id).await.license, Some(license), "a License is kept as it is");
    }
}

async fn work_ends_as_its_outcome_says(store: &dyn LicenseStore) {
    let id = application("E1").id;
    apply(store, application("E1"), NOW).await;
    for (outcome, progress) in [
        (ApplicationOutcome::Later(later(SECOND)), Progress::Due(later(SECOND))),
        (ApplicationOutcome::GivenUp, Progress::GivenUp),
        (ApplicationOutcome::Delivered, Progress::Delivered),
    ] {
        assert!(claim(store, &id, 1, NOW).await.is_some(), "the application is due");
        keep(store, &id, License::text("LICENSE")).await;
        settle(store, &id, 1, outcome).await;
        assert_eq!(stored(store, &id).await.progress, progress, "progress after {outcome:?}");
        assert_eq!(claim(store, &id, 2, NOW).await, None, "nothing is due after {outcome:?}");
        if outcome == ApplicationOutcome::Later(later(SECOND)) {
            assert!(claim(store, &id, 1, later(SECOND)).await.is_some(), "a retry is due at its time");
            settle(store, &id, 1, ApplicationOutcome::GivenUp).await;
        }
        let again = apply(store, application("E1"), NOW).await;
        assert_eq!(again.progress, Progress::Due(NOW), "applying again makes it due");
        assert_eq!(again.license, Some(License::text("LICENSE")), "applying again keeps the License");
    }
}

async fn only_the_holder_ends_the_work(store: &dyn LicenseStore) {
    let id = application("E1").id;
    apply(store, application("E1"), NOW).await;
    ok("claim", store.claim(&id, Lease::new(1, SHORT), NOW).await);
    let leased = claim_when_over(store, &id, 2).await;
    settle(store, &id, 1, ApplicationOutcome::GivenUp).await;
    assert_eq!(stored(store, &id).await, leased, "a former holder ends nothing");
    settle(store, &id, 2, ApplicationOutcome::Later(NOW)).await;
    ok("extend", store.extend(&id, lease(2), NOW).await);
    assert!(claim(store, &id, 3, NOW).await.is_some(), "there is no lease to extend after the end of the work");
}

async fn what_is_due_is_leased_once(store: &dyn LicenseStore) {
    for index in 0..7 {
        apply(store, application(&format!("E{index}")), NOW).await;
    }
    apply(store, application("later"), later(HOUR)).await;
    let due = async |holder, limit| ok("claim_due", store.claim_due(lease(holder), NOW, limit).await);
    let (first, second) = (due(1, 4).await, due(2, 100).await);
    assert_eq!((first.len(), second.len()), (4, 3), "every application that is due is leased once");
    assert!(first.iter().chain(&second).all(|stored| {
        let is_due = stored.application.id != application("later").id;
        is_due && matches!(stored.progress, Progress::Due(_))
    }));
    assert_eq!(due(3, 100).await, [], "nothing is left");
    settle(store, &first[0].application.id, 1, ApplicationOutcome::Later(NOW)).await;
    settle(store, &second[0].application.id, 1, ApplicationOutcome::Later(NOW)).await;
    let again: Vec<_> = due(4, 100).await.into_iter().map(|stored| stored.application).collect();
    assert_eq!(again, [first[0].application.clone()], "what its holder ended is due again");
}
