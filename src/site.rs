//! The marketplace's sites.

use std::str::FromStr;

use crate::env::{self, EnvError};

/// A site of the marketplace. Paths of the open APIs are the same on all of them.
///
/// Source: open API reference, "request structure" (China 2025-12, international 2025-11, Europe 2025-03).
///
/// ```
/// use koogallery::site::Site;
///
/// let site = Site::from_env_with(|name| (name == "KOOGALLERY_SITE").then(|| "International".to_owned()))?;
/// assert_eq!(site, Site::International);
/// assert!(site.host().ends_with("myhuaweicloud.com"));
/// assert!(Site::China.fallback_host().is_some());
/// # Ok::<(), koogallery::env::EnvError>(())
/// ```
#[doc(alias = "站点")]
#[doc(alias = "云商店")]
#[doc(alias = "KooGallery")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Site {
    /// China (云商店).
    #[default]
    China,
    /// International (KooGallery).
    International,
    /// Europe.
    Europe,
}

impl Site {
    /// All sites.
    pub const ALL: [Self; 3] = [Self::China, Self::International, Self::Europe];

    /// The host of the open APIs.
    pub const fn host(self) -> &'static str {
        match self {
            Self::China => "mkt.myhuaweicloud.com",
            Self::International => "mkt-intl.myhuaweicloud.com",
            Self::Europe => "mkt.myhuaweicloud.eu",
        }
    }

    /// The host to try when the other one cannot be reached. Documented for China; one international page names
    /// China's, which is taken for a slip.
    pub const fn fallback_host(self) -> Option<&'static str> {
        match self {
            Self::China => Some("mkt.myhuaweicloud.cn"),
            Self::International | Self::Europe => None,
        }
    }

    /// Reads `KOOGALLERY_SITE`: `china`, `international` or `europe`, in any letter case (default: `china`).
    ///
    /// # Errors
    ///
    /// The variable names another site.
    pub fn from_env() -> Result<Self, EnvError> {
        Self::from_env_with(env::process)
    }

    /// Reads as [`Site::from_env`] does, with any source of configuration in place of the environment.
    ///
    /// # Errors
    ///
    /// As [`Site::from_env`].
    pub fn from_env_with(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, EnvError> {
        const NAME: &str = "KOOGALLERY_SITE";
        env::set(lookup, NAME)
            .map_or(Ok(Self::default()), |site| site.parse())
            .map_err(|error| EnvError::new(NAME, error))
    }
}

impl FromStr for Site {
    type Err = UnknownSite;

    /// Reads the value of `KOOGALLERY_SITE`.
    fn from_str(text: &str) -> Result<Self, UnknownSite> {
        match text.to_ascii_lowercase().as_str() {
            "china" => Ok(Self::China),
            "international" => Ok(Self::International),
            "europe" => Ok(Self::Europe),
            _ => Err(UnknownSite),
        }
    }
}

/// A site other than `china`, `international` and `europe`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the site is none of china, international and europe")]
#[non_exhaustive]
pub struct UnknownSite;
