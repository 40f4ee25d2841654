//! An enterprise is bound to the application, and one of its users logs in.

use std::net::SocketAddr;

use bytes::Bytes;
use http::Request;
use koogallery::cipher::client_secret::PrivateKey;
use koogallery::kit::{Department, Role, User};
use koogallery::protocol::Protocol;
use koogallery::random::OsRandom;
use koogallery_simulator::delivery::TenantBinding;
use koogallery_simulator::{Answer, HttpTarget, Target as _, Tenant};

use super::story::Story;
use super::{APP_ID, Outcome};

const TENANT_ID: &str = "tenant-1";
const CLIENT_ID: &str = "client-1";
const CLIENT_SECRET: &str = "what only the application and its center know";

pub async fn binds_and_logs_in(
    story: &mut Story,
    server: SocketAddr,
    center: &str,
    private_key: &PrivateKey,
) -> Outcome {
    story.chapter("The Kit: an enterprise is bound, and a user of it logs in");
    let marketplace = story.marketplace.clone();
    let callback = format!("http://{server}/sso");
    let tenant = Tenant::new(TENANT_ID, CLIENT_ID, CLIENT_SECRET, callback)
        .with_user(koogallery_simulator::User::new("lihua", "Li Hua"))
        .with_user(koogallery_simulator::User::new("stranger", "Somebody"));
    marketplace.open_api().put_tenant(tenant);
    // The marketplace encrypts with the public key of the application credential.
    let binding = TenantBinding::new(TENANT_ID, APP_ID, "instance-1")
        .with_domain(center)
        .with_client(CLIENT_ID, private_key.encrypt(CLIENT_SECRET, &OsRandom)?)
        .with_department(Department::new("D1", "Head office"))
        .with_user(User::new("lihua", "Li Hua", "D1", Role::User));
    marketplace.bind(Protocol::KitV2, &binding).await?;
    story.reported("bind");

    let begun = browse(server, "/login").await?;
    let location = begun.header("location").unwrap_or_default();
    story.check("/login goes to the unified login page", begun.status == 302 && location.contains(APP_ID));
    let code = |user| marketplace.open_api().login_callback(TENANT_ID, user).ok_or("the tenant is known");
    let address = code("lihua")?;
    let page = browse(server, &address).await?;
    story.check("lihua is let in", page.status == 200 && String::from_utf8_lossy(&page.body).contains("lihua"));
    story.check("a code works once", browse(server, &address).await?.status != 200);
    story.check("a stranger is not let in", browse(server, &code("stranger")?).await?.status == 403);

    marketplace.unbind(Protocol::KitV2, &binding).await?;
    story.reported("unbind");
    story.check("lihua no longer is", browse(server, &code("lihua")?).await?.status == 403);
    Ok(())
}

/// Returns what a browser gets at a path of the server, or at a whole address.
async fn browse(server: SocketAddr, address: &str) -> Outcome<Answer> {
    let server = HttpTarget::new(&format!("http://{server}/"))?;
    Ok(server.call(Request::get(address).body(Bytes::new())?).await?)
}
