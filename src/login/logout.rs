//! Logout (用户清理会话): browser to authentication center, `GET {domainName}/api/v1/logout`. Joint-operation access guide,
//! "logout" (2022-10-21).

use super::TenantLogin;
use crate::query::push_pair;

/// Returns the address to send a browser to after the application's own session ended. It comes back to `redirect_url`,
/// or stays on the login page.
///
/// ```
/// use koogallery::login::{TenantLogin, logout};
///
/// let tenant = TenantLogin::new("t-5f0c", "https://acme.idp.example.com".parse()?, "c-90af", "s3cr3t")?;
/// assert_eq!(
///     logout::url(&tenant, Some("https://app.example.com/")),
///     "https://acme.idp.example.com/api/v1/logout?redirect_url=https%3A%2F%2Fapp.example.com%2F"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn url(tenant: &TenantLogin, redirect_url: Option<&str>) -> String {
    let mut query = String::new();
    if let Some(address) = redirect_url {
        // Not `redirect_uri`, as everywhere else.
        push_pair(&mut query, "redirect_url", address);
    }
    tenant.center.url("/api/v1/logout", &query)
}
