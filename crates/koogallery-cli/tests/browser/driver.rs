//! A browser of its own for each test.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::json;
use thirtyfour::common::capabilities::chromium::ChromiumLikeCapabilities as _;
use thirtyfour::prelude::*;
use thirtyfour::{ChromeCapabilities, LoggingPrefsLogLevel};
use tokio::time::{Instant, sleep};

use crate::process::Server;

const VARIABLE: &str = "KOOGALLERY_TEST_BROWSER";

pub struct Browser {
    pub driver: WebDriver,
    process: Child,
    /// Messages of the console that were expected.
    expected: Vec<&'static str>,
}

impl Browser {
    /// Starts a browser; `None` where none is wanted.
    pub async fn start() -> Option<Self> {
        std::env::var_os(VARIABLE)?;
        // The port that it finds free may be taken the moment after, and it ends then.
        let (process, port) = (0..5).find_map(|_| Self::driver()).expect("chromedriver starts");
        let mut capabilities = ChromeCapabilities::new();
        for argument in
            ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--lang=en-US", "--window-size=1200,900"]
        {
            capabilities.add_arg(argument).unwrap();
        }
        capabilities.set_browser_log_level(LoggingPrefsLogLevel::All).unwrap();
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), capabilities).await.unwrap();
        Some(Self { driver, process, expected: Vec::new() })
    }

    /// Starts the driver; `None` if it ends at once.
    fn driver() -> Option<(Child, String)> {
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().expect("chromedriver is installed");
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
        let port = lines.find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            Some(port.trim_end_matches('.').to_owned())
        });
        let Some(port) = port else {
            let _ = process.wait();
            return None;
        };
        std::thread::spawn(move || lines.for_each(drop));
        Some((process, port))
    }

    /// Opens a page of the marketplace.
    pub async fn open(&self, server: &Server, path: &str) {
        self.driver.goto(format!("http://{}/_marketplace{path}", server.address)).await.unwrap();
    }

    /// The result of a script.
    pub async fn script<T: serde::de::DeserializeOwned>(&self, script: &str) -> T {
        self.driver.execute(script, Vec::new()).await.unwrap().convert().unwrap()
    }

    pub async fn find(&self, css: &str) -> WebElement {
        self.driver.find(By::Css(css)).await.unwrap_or_else(|error| panic!("{css}: {error}"))
    }

    pub async fn text(&self, css: &str) -> String {
        self.find(css).await.text().await.unwrap()
    }

    /// Fills in fields of a form, and sends it by its button.
    pub async fn submit(&self, form: &str, fields: &[(&str, &str)]) {
        for (name, value) in fields {
            let field = self.find(&format!("{form} [name={name}]")).await;
            match field.tag_name().await.unwrap().as_str() {
                "select" => {
                    field.find(By::Css(format!("option[value='{value}']"))).await.unwrap().click().await.unwrap();
                }
                _ => {
                    field.clear().await.unwrap();
                    field.send_keys(*value).await.unwrap();
                }
            }
        }
        let page = self.find("html").await;
        self.find(&format!("{form} button")).await.click().await.unwrap();
        // What is looked for next must not be found in the old page.
        let deadline = Instant::now() + Duration::from_secs(30);
        while page.tag_name().await.is_ok() {
            assert!(Instant::now() < deadline, "{form} leads nowhere");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until a text stands in an element.
    pub async fn until_text(&self, css: &str, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            // The element may be replaced meanwhile.
            let found = match self.driver.find(By::Css(css)).await {
                Ok(element) => element.text().await.unwrap_or_default(),
                Err(_) => String::new(),
            };
            if found.contains(text) {
                return;
            }
            assert!(Instant::now() < deadline, "{css} has no {text:?} but {found:?}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Takes a picture, if a folder is named.
    pub async fn picture(&self, name: &str) {
        let folder = std::env::var_os(VARIABLE).unwrap_or_default();
        if Path::new(&folder).is_dir() {
            self.driver.screenshot(&Path::new(&folder).join(format!("{name}.png"))).await.unwrap();
        }
    }

    /// Sets the color scheme that pages are shown in.
    pub async fn prefer(&self, scheme: &str) {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.driver.cdp().send_raw("Emulation.setEmulatedMedia", features).await.unwrap();
    }

    /// Sets the width of pages.
    pub async fn narrow(&self, width: u32) {
        let metrics = json!({"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false});
        self.driver.cdp().send_raw("Emulation.setDeviceMetricsOverride", metrics).await.unwrap();
    }

    /// Lets a message of the console pass.
    pub fn expect(&mut self, message: &'static str) {
        self.expected.push(message);
    }

    /// Ends the browser; nothing may have violated the policy of the pages, or gone wrong in the script.
    pub async fn end(mut self) {
        let said = self.driver.browser_log().await.unwrap();
        let is_expected = |message: &str| self.expected.iter().any(|expected| message.contains(expected));
        let wrong: Vec<_> = said.iter().filter(|entry| !is_expected(&entry.message)).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
        self.driver.clone().quit().await.unwrap();
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
