//! An enterprise is bound to the application, and one of its users logs in.

use std::net::SocketAddr;

use koogallery::cipher::client_secret::PrivateKey;
use koogallery::key::AccessKey;
use koogallery::kit::v2::{all_org_sync, application_sync, auth_sync, tenant_sync};
use koogallery::kit::{AuthFlag, ChinaTime, Department, Flag, Role, User};
use koogallery::random::OsRandom;

use super::Outcome;
use super::desk::{CLIENT_ID, CLIENT_SECRET};
use super::marketplace::{Marketplace, now};

pub const APP_ID: &str = "app-1";
const TENANT_ID: &str = "tenant-1";

pub async fn binds_and_logs_in(
    marketplace: &mut Marketplace,
    key: &AccessKey,
    private_key: &PrivateKey,
    centre: SocketAddr,
) -> Outcome {
    println!("\nThe Kit: an enterprise is bound, and a user of it logs in");
    let sent_at = || ChinaTime::from(now());
    let tenant = |flag| {
        let centre = format!("http://{centre}");
        let mut request = tenant_sync::Request::new(TENANT_ID, "acme", "Acme", centre, flag, sent_at());
        request.instance_id = Some("biz-v2-1".to_owned());
        request.to_body()
    };
    // The marketplace encrypts with the public key of the application credential.
    let mut application = application_sync::Request::new(TENANT_ID, APP_ID, CLIENT_ID, Flag::Add, sent_at());
    application.instance_id = Some("biz-v2-1".to_owned());
    application.client_secret = Some(private_key.encrypt(CLIENT_SECRET, &OsRandom)?.into());
    let mut research = Department::new("D2", "Research");
    research.parent_code = Some("D1".to_owned());
    let departments = vec![Department::new("D1", "Head office"), research];
    let mut organisation = all_org_sync::Request::new(TENANT_ID, departments, sent_at());
    organisation.instance_id = Some("biz-v2-1".to_owned());
    let users = |flag| {
        let users = vec![User::new("lihua", "Li Hua", "D2", Role::User)];
        let mut request = auth_sync::Request::new(TENANT_ID, APP_ID, users, sent_at(), flag, sent_at());
        request.instance_id = Some("biz-v2-1".to_owned());
        request.to_body()
    };

    marketplace.kit(key, "tenantSync", &tenant(Flag::Add), "000000").await?;
    marketplace.kit(key, "applicationSync", &application.to_body(), "000000").await?;
    marketplace.kit(key, "allOrgSync", &organisation.to_body(), "000000").await?;
    marketplace.kit(key, "authSync", &users(AuthFlag::Add), "000000").await?;

    let (status, location, _) = marketplace.browse("/login").await?;
    marketplace.check("/login goes to the unified login page", status == 302 && location.contains(APP_ID));
    let callback = |code: &str| format!("/sso?code={code}&tenant={TENANT_ID}");
    let (status, _, page) = marketplace.browse(&callback("1-lihua")).await?;
    marketplace.check("lihua is let in", status == 200 && page.contains("lihua"));
    let (status, ..) = marketplace.browse(&callback("1-lihua")).await?;
    marketplace.check("a code works once", status != 200);
    let (status, ..) = marketplace.browse(&callback("2-stranger")).await?;
    marketplace.check("a stranger is not let in", status == 403);

    marketplace.kit(key, "authSync", &users(AuthFlag::Delete), "000000").await?;
    let (status, ..) = marketplace.browse(&callback("3-lihua")).await?;
    marketplace.check("lihua no longer is", status == 403);
    marketplace.kit(key, "tenantSync", &tenant(Flag::Delete), "000000").await?;
    marketplace.kit(key, "tenantSync", &tenant(Flag::Delete), "000000").await?;
    Ok(())
}
