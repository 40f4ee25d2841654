//! Unified login page: browser to marketplace, `GET https://macroverse.huaweicloud.com/unified-login/#/portal-login`.
//! Joint-operation access guide, "unified login page" (2024-01-23).

use crate::query::push_pair;

/// Returns the address to send a browser to that has no session. The page logs users of any tenant in, and
/// sends them to the callback address registered for the application, with `code` and `tenant`.
///
/// The parameters stand inside the fragment, behind `#`. There is no `state` (see the [module](super)), and whether
/// further parameters come back is unverified. Incognito windows are not supported; Firefox may ask twice unless
/// third-party cookies are allowed, which a web view must allow too.
///
/// ```
/// let url = koogallery::login::unified_login::url("app-77");
/// assert_eq!(url, "https://macroverse.huaweicloud.com/unified-login/#/portal-login?ind=UNOP&appId=app-77");
/// ```
pub fn url(app_id: &str) -> String {
    let mut query = String::new();
    push_pair(&mut query, "ind", "UNOP");
    push_pair(&mut query, "appId", app_id);
    format!("https://macroverse.huaweicloud.com/unified-login/#/portal-login?{query}")
}
