//! The console of `koogallery serve` in a real browser: headless Chromium, driven by its WebDriver. Run where
//! `KOOGALLERY_TEST_BROWSER` is set; screenshots go to the folder that it names, if it names one.

mod acting;
mod checking;
mod driver;
mod figures;
mod hostile;
mod looks;
#[allow(dead_code)] // others use more of it
#[path = "../../../../tests/it/process.rs"]
mod process;
mod pushing;
mod scripting;
#[allow(dead_code)]
#[path = "../cli/servers.rs"]
mod servers;
mod windows;
