//! Databases from before every family had ids of its own keep working.
//!
//! `tests/vectors/ledger/before-scopes.db` was made by the build of commit 3277a74: services with every family on one
//! ledger, and notices of some orders (`NN1`, `NN2`) in the tables that `SqliteLedger::named(.., "notice")` makes.

use std::path::{Path, PathBuf};

use koogallery::ledger::{PostgresLedger, SqliteLedger, State};
use koogallery::license_store::{MemoryLicenseStore, SqliteLicenseStore};
use koogallery::sqlite::Database;
use koogallery::tenant::TenantName;
use tempfile::TempDir;

use crate::servers::Schema;
use crate::shared_ledger::*;
use crate::support::{purchase, v1_purchase};

/// The tables of PostgreSQL as they were.
const POSTGRES: &str = r#"
CREATE TABLE koogallery_instance (
    instance_id      TEXT COLLATE "C" PRIMARY KEY,
    order_id         TEXT COLLATE "C" NOT NULL,
    order_line_id    TEXT COLLATE "C" NOT NULL,
    order_product_id TEXT COLLATE "C" NOT NULL,
    product_id       TEXT,
    state            TEXT NOT NULL CHECK (state IN ('creating', 'active', 'frozen', 'released')),
    expire_time      BIGINT,
    handler_runs     BIGINT NOT NULL,
    lease_holder     TEXT,
    lease_until      BIGINT,
    created_at       BIGINT NOT NULL,
    UNIQUE (order_id, order_line_id, order_product_id)
);
CREATE TABLE koogallery_step (
    instance_id TEXT COLLATE "C" NOT NULL REFERENCES koogallery_instance,
    step_key    TEXT COLLATE "C" NOT NULL,
    done_at     BIGINT NOT NULL,
    PRIMARY KEY (instance_id, step_key)
);
"#;

fn old_file(folder: &Path) -> PathBuf {
    let path = folder.join("old.db");
    let vector = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/ledger/before-scopes.db");
    std::fs::copy(vector, &path).unwrap();
    path
}

pub fn old_database() -> (TempDir, Database) {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(old_file(folder.path())).unwrap();
    (folder, database)
}

/// A PostgreSQL database that holds the same rows.
async fn old_postgres(schema: &Schema) -> PostgresLedger {
    let folder = tempfile::tempdir().unwrap();
    let statements = {
        let file = rusqlite::Connection::open(old_file(folder.path())).unwrap();
        let mut statements = POSTGRES.to_owned();
        for (table, columns) in [("koogallery_instance", 11), ("koogallery_step", 3)] {
            let mut rows = file.prepare(&format!("SELECT * FROM {table}")).unwrap();
            let mut rows = rows.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                let literal = |column| match row.get_ref(column).unwrap() {
                    rusqlite::types::ValueRef::Null => "NULL".to_owned(),
                    rusqlite::types::ValueRef::Integer(number) => number.to_string(),
                    text => format!("'{}'", text.as_str().unwrap()),
                };
                let values: Vec<_> = (0..columns).map(literal).collect();
                statements += &format!("INSERT INTO {table} VALUES ({});\n", values.join(", "));
            }
        }
        statements
    };
    schema.client().await.batch_execute(&statements).await.unwrap();
    PostgresLedger::new(&schema.database().await).await.unwrap()
}

/// Runs a check on what every engine left, and again after a restart, which must change nothing; tells it which it is.
async fn each(check: impl AsyncFn(House, bool)) {
    let (_folder, database) = old_database();
    for is_first in [true, false] {
        check(House::on(SqliteLedger::new(&database).await.unwrap()), is_first).await;
    }
    if let Some(schema) = Schema::new().await {
        check(House::on(old_postgres(&schema).await), true).await;
        check(House::on(PostgresLedger::new(&schema.database().await).await.unwrap()), false).await;
    }
}

fn nothing() -> Vec<String> {
    Vec::new()
}

#[tokio::test]
async fn what_was_bought_keeps_its_id_and_is_not_opened_again() {
    each(async |house, _| {
        for (order, id) in [("SA1", "saas-1"), ("SA2", "saas-2"), ("SA3", "saas-3")] {
            assert_eq!(house.saas(&purchase(order, "new")).await.instance_id(), id);
        }
        assert_eq!(house.v1(&v1_purchase("SV1", "new")).await.instance_id(), "saas-v1");
        let pay_per_use = v1_purchase("SV2", "new").replace("chargingMode=1", "chargingMode=0");
        assert_eq!(house.v1(&pay_per_use).await.instance_id(), "pay-per-use");
        for (order, id) in [("LO1", "license-1"), ("LO2", "license-2"), ("LO3", "license-3")] {
            assert_eq!(house.license(&purchase(order, "new")).await.instance_id(), id);
        }
        assert_eq!(house.handled.take(), nothing());
    })
    .await;
}

#[tokio::test]
async fn licenses_live_on() {
    let (_folder, database) = old_database();
    let ledger = SqliteLedger::new(&database).await.unwrap();
    let store = SqliteLicenseStore::new(&database).await.unwrap();
    let house = House::with(ledger.clone(), ledger, store, "", |builder| builder);
    let answer = house.v1(&get_license("LV1", "new")).await;
    assert_eq!(answer.instance_id(), "license-v1");
    assert!(answer.json.to_string().contains("LICENSE of license-v1"), "{}", answer.json);
    assert_eq!(house.handled.take(), nothing());
    life_of_licenses(&house).await;

    if let Some(schema) = Schema::new().await {
        life_of_licenses(&House::on(old_postgres(&schema).await)).await;
    }
}

async fn life_of_licenses(house: &House) {
    for call in [
        renew("license-1", "LR1"),
        renew("license-1", "LR2"),
        set_status("license-1", "FREEZE"),
        set_status("license-2", "UNFREEZE"),
        release("license-2"),
        release("license-3"),
        renew_code("CODE-1", "LC1"),
        renew_code("CODE-1", "LC2"),
    ] {
        for _ in 0..2 {
            assert_eq!(house.license(&call).await.code, "000000", "{call}");
        }
    }
    // What was done before is not done again.
    let handled = [
        "license renew license-1",
        "license freeze license-1",
        "license unfreeze license-2",
        "license release license-2",
        "license renew code CODE-1",
    ];
    assert_eq!(house.handled.take(), handled);
    assert_eq!(house.license(&renew("license-2", "LR3")).await.code, "000003");
    assert_eq!(house.license(&renew("license-3", "LR3")).await.code, "000003");
    assert_eq!(house.license(&apply("license-2", "event-1")).await.code, "000003");
    assert_eq!(house.license(&apply("license-1", "event-1")).await.code, "000005", "no client to upload it with");
    assert_eq!(house.handled.take(), ["license issue license-1"]);
    // The id of another License is no id for a new one.
    assert_ne!(house.license(&purchase("LO9", "license-1")).await.instance_id(), "license-1");
}

#[tokio::test]
async fn what_was_left_unfinished_is_finished_under_its_id() {
    each(async |house, is_first| {
        for _ in 0..2 {
            assert_eq!(house.saas(&purchase("SA4", "new")).await.instance_id(), "saas-4");
            assert_eq!(house.v1(&package("PK4", "OFFI01", "new")).await.instance_id(), "package-4");
            assert_eq!(house.license(&purchase("LO4", "new")).await.instance_id(), "license-4");
            assert_eq!(house.v1(&get_license("LV2", "new")).await.instance_id(), "license-v2");
            assert_eq!(house.notify("NO2").await.code, "000000");
        }
        let handled = house.handled.take();
        if is_first {
            let expected = [
                "saas create SA4 saas-4",
                "saas create PK4 package-4",
                "license create LO4 license-4",
                "license create LV2 license-v2",
                "license issue license-v2",
                "notice NO2-000001",
            ];
            assert_eq!(handled, expected);
        } else {
            assert_eq!(handled, ["license issue license-v2"], "the store of Licenses is a new one");
        }
        let package = house.service.ledger().unwrap().instance("package-4").await.unwrap().unwrap();
        assert_eq!((package.state, package.product_id.as_deref()), (State::Active, Some("OFFI01")));
    })
    .await;
}

#[tokio::test]
async fn a_license_left_unfinished_is_taken_up_when_it_is_applied_for() {
    let (_folder, database) = old_database();
    let house = House::on(SqliteLedger::new(&database).await.unwrap());
    assert_eq!(house.license(&apply("license-4", "event-1")).await.code, "000004");
    house.service.wait_idle().await;
    assert_eq!(house.handled.take(), ["license create LO4 license-4"]);
}

#[tokio::test]
async fn packages_known_by_their_order_keep_their_ids_and_others_of_the_order_get_their_own() {
    each(async |house, is_first| {
        for (order, id) in [("PK1", "package-1"), ("PK2", "package-2"), ("PK3", "package-3")] {
            for _ in 0..2 {
                assert_eq!(house.v1(&package(order, "OFFI01", "new")).await.instance_id(), id);
            }
            let other = house.v1(&package(order, "OFFI02", &format!("{id}-2"))).await;
            assert_eq!(other.instance_id(), format!("{id}-2"));
            assert_eq!(house.v1(&package(order, "OFFI02", "again")).await.instance_id(), format!("{id}-2"));
            assert_eq!(house.v1(&package(order, "OFFI01", "new")).await.instance_id(), id);
        }
        let state = async |id| house.service.ledger().unwrap().instance(id).await.unwrap().unwrap().state;
        assert_eq!(state("package-1").await, State::Active);
        assert_eq!(state("package-2").await, State::Frozen);
        assert_eq!(state("package-3").await, State::Released);
        let others = ["saas create PK1 package-1-2", "saas create PK2 package-2-2", "saas create PK3 package-3-2"];
        assert_eq!(house.handled.take(), if is_first { &others[..] } else { &[] });
    })
    .await;
}

#[tokio::test]
async fn two_products_that_could_both_be_the_unfinished_package_do_not_share_it() {
    let (_folder, database) = old_database();
    let house = House::on(SqliteLedger::new(&database).await.unwrap());
    let (one, other) = (package("PK4", "OFFI01", "one"), package("PK4", "OFFI02", "other"));
    let (one, other) = tokio::join!(house.v1(&one), house.v1(&other));
    let mut ids = [one.instance_id(), other.instance_id()];
    ids.sort_unstable();
    assert_ne!(ids[0], ids[1]);
    assert!(ids.contains(&"package-4"), "{ids:?}");
    assert_eq!(house.handled.take().len(), 2);
}

#[tokio::test]
async fn every_new_package_of_an_order_is_an_instance() {
    let (_folder, database) = old_database();
    let house = House::on(SqliteLedger::new(&database).await.unwrap());
    for product in 0..30 {
        for business in ["first", "second"] {
            let answer = house.v1(&package("PK9", &format!("OFFI{product}"), &format!("{business}-{product}"))).await;
            assert_eq!(answer.instance_id(), format!("first-{product}"));
        }
    }
    assert_eq!(house.handled.take().len(), 30);
}

#[tokio::test]
async fn notices_are_not_delivered_again_and_hide_no_purchase() {
    each(async |house, is_first| {
        assert_eq!(house.notify("NO1").await.code, "000000");
        assert_eq!(house.handled.take(), nothing());
        for order in ["NO1", "NO2"] {
            let id = format!("{order}-saas");
            let first = house.saas(&purchase(order, &id)).await;
            assert_eq!((first.code.as_str(), first.instance_id()), ("000000", id.as_str()));
            assert_eq!(house.saas(&purchase(order, "again")).await.instance_id(), id);
            assert_eq!(house.saas(&query(&id)).await.code, "000000");
            assert_eq!(house.saas(&renew(&id, "SR1")).await.code, "000000");
            assert_eq!(house.license(&purchase(order, &id)).await.instance_id(), id);
            let done = ["saas create", "saas renew", "license create"];
            let handled: Vec<_> = house.handled.take();
            assert!(handled.len() == if is_first { 3 } else { 0 }, "{handled:?}");
            assert!(handled.iter().zip(done).all(|(line, start)| line.starts_with(start)), "{handled:?}");
            assert_eq!(house.saas(&query(&format!("{order}/{order}-000001"))).await.code, "000003");
            assert_eq!(house.saas(&release(&format!("{order}/{order}-000001"))).await.code, "000003");
        }
        assert_eq!(house.notify("NO1").await.code, "000000");
        assert_eq!(house.handled.take(), nothing());
        let listed = house.service.ledger().unwrap().instances(None, 100).await.unwrap();
        let ids: Vec<_> = listed.iter().map(|instance| &*instance.instance_id).collect();
        assert!(!ids.iter().any(|id| id.contains('/') || id.contains(',') || id.contains(':')), "{ids:?}");
        assert_eq!(ids.iter().filter(|id| id.starts_with("NO")).count(), 2, "{ids:?}");
        let orders = listed.iter().filter(|instance| instance.order.order_id.starts_with("NO"));
        assert!(orders.map(|instance| instance.order.order_id.len()).all(|length| length == 3));
    })
    .await;
}

#[tokio::test]
async fn notices_in_tables_of_their_own_are_known_in_them_and_on_the_shared_ledger() {
    for shares in [false, true] {
        let (_folder, database) = old_database();
        for round in 0..2 {
            let shared = SqliteLedger::new(&database).await.unwrap();
            let notices = match shares {
                true => shared.clone(),
                false => SqliteLedger::named(&database, "notice").await.unwrap(),
            };
            let house = House::with(shared, notices, MemoryLicenseStore::new(), "", |builder| builder);
            assert_eq!(house.notify("NN1").await.code, "000000");
            assert_eq!(house.handled.take(), nothing(), "{shares}");
            assert_eq!(house.notify("NN2").await.code, "000000");
            let expected: &[&str] = if round == 0 { &["notice NN2-000001"] } else { &[] };
            assert_eq!(house.handled.take(), expected, "left unfinished then");
            assert_eq!(house.saas(&purchase("NN1", "b1")).await.instance_id(), "b1");
            assert_eq!(house.handled.take().len(), 1 - round);
        }
    }
}

#[tokio::test]
async fn an_old_replica_beside_a_new_one_hides_no_purchase_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shared.db");
    let house = House::on(open(&path).await);
    // What the old one writes for a notice while the new one runs.
    let old = rusqlite::Connection::open(&path).unwrap();
    old.execute_batch(
        "INSERT INTO koogallery_instance (instance_id, order_id, order_line_id, order_product_id, product_id, state, \
         handler_runs, created_at) VALUES ('CS1/CS1-000001', 'CS1', 'CS1-000001', '', NULL, 'active', 1, 0)",
    )
    .unwrap();
    drop(old);
    assert_eq!(house.notify("CS1").await.code, "000000");
    assert_eq!(house.handled.take(), nothing());
    for restarted in [house, House::on(open(&path).await)] {
        for business in ["b1", "b2"] {
            assert_eq!(restarted.saas(&purchase("CS1", business)).await.instance_id(), "b1");
        }
        assert_eq!(restarted.notify("CS1").await.code, "000000");
        assert!(restarted.handled.take().len() <= 1);
    }
}

#[tokio::test]
async fn a_tenant_begins_without_a_past() {
    let (_folder, database) = old_database();
    let ledger = SqliteLedger::new(&database).await.unwrap();
    let acme = TenantName::new("acme").unwrap();
    let house = House::with(ledger.clone(), ledger, MemoryLicenseStore::new(), "", |builder| builder.tenant(acme));
    for order in ["SA1", "LO1", "NO1"] {
        assert_eq!(house.saas(&purchase(order, &format!("acme-{order}"))).await.instance_id(), format!("acme-{order}"));
        let license = house.license(&purchase(order, &format!("acme-{order}"))).await;
        assert_eq!(license.instance_id(), format!("acme-{order}"));
        assert_eq!(house.notify(order).await.code, "000000");
    }
    assert_eq!(house.v1(&package("PK1", "OFFI01", "acme-PK1")).await.instance_id(), "acme-PK1");
    assert_eq!(house.handled.take().len(), 10);
    assert_eq!(house.license(&renew("license-1", "LR2")).await.code, "000003");
    assert_eq!(house.saas(&query("saas-1")).await.code, "000003");
    assert_eq!(house.service.ledger().unwrap().instances(None, 100).await.unwrap().len(), 4);
}
