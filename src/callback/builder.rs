//! Putting a service together.

use std::sync::Arc;
use std::time::Duration;

use time::UtcOffset;

use super::environment::Environment;
use super::handler::directory::{DirectoryHandler, ErasedDirectory};
use super::handler::licensing::{ErasedIssuing, LicenseKey, Licenses, LicensingHandler};
use super::handler::orders::OrdersHandler;
use super::handler::subscription::{AccessInfo, ErasedHandler, SubscriptionHandler};
use super::pipeline::{Directory, Executor, Issuer, Licensing, Notices};
use super::service::{CallbackService, Inner};
use super::settings::{DebugCalls, Families, Settings};
use super::{Observer, Runtime, StderrObserver};
use crate::cipher::client_secret::ClientSecretDecryptor;
use crate::cipher::field::EncryptType;
use crate::clock::{Clock, SystemClock};
use crate::issuing::{LicenseStore, ScopedStore};
use crate::key::{AccessKeys, InterfaceType};
use crate::ledger::{Family, Ledger, Scoped};
use crate::open_api::Client;
use crate::protocol::Protocol;
use crate::random::{BufferedRandom, OsRandom, Random};
use crate::replay::{MemoryReplayGuard, ReplayGuard, TenantGuard};
use crate::signature::Window;
use crate::tenant::TenantName;

/// Settings of a [`CallbackService`]; every one has a default.
pub struct CallbackServiceBuilder {
    settings: Settings,
    environment: Environment,
    replay: Arc<dyn ReplayGuard>,
    subscription: Option<(Arc<dyn ErasedHandler>, Arc<dyn Ledger>)>,
    directory: Option<(Arc<dyn ErasedDirectory>, Arc<dyn ClientSecretDecryptor>)>,
    licensing: Option<LicensingParts>,
    orders: Option<(NoticesOf, Arc<dyn Ledger>)>,
    open_api: Option<Client>,
    tenant: Option<TenantName>,
}

/// Makes the handler of notices when it is known whether there is a client to ask for their orders.
type NoticesOf = Box<dyn FnOnce(Option<Client>) -> Arc<dyn ErasedHandler> + Send>;

struct LicensingParts {
    instances: Arc<dyn ErasedHandler>,
    codes: Arc<dyn ErasedHandler>,
    issuing: Arc<dyn ErasedIssuing>,
    ledger: Arc<dyn Ledger>,
    store: Arc<dyn LicenseStore>,
}

impl CallbackService {
    /// Returns a builder with the seller's keys and the runtime that handlers run on.
    pub fn builder(keys: AccessKeys, runtime: impl Runtime) -> CallbackServiceBuilder {
        CallbackServiceBuilder::new(keys, Arc::new(runtime))
    }
}

impl CallbackServiceBuilder {
    fn new(keys: AccessKeys, runtime: Arc<dyn Runtime>) -> Self {
        let settings = Settings {
            keys,
            v1_ciphers: Vec::new(),
            encrypt_type: EncryptType::default(),
            v1_zone: UtcOffset::UTC,
            v1_window: Window::symmetric(Duration::from_secs(12 * 3600)),
            v2_window: Window::default(),
            v1_deadline: Protocol::SaasV1.default_deadline(),
            v2_deadline: Protocol::SaasV2.default_deadline(),
            kit_deadline: Protocol::KitV2.default_deadline(),
            online_license_key: InterfaceType::Basic,
            rings: Default::default(),
            basic_or_online_license_keys: None,
            families: Families::default(),
            sign_v2_answers: false,
            debug_calls: DebugCalls::default(),
            debug_access: AccessInfo::new("https://www.example.com"),
        };
        let environment = Environment {
            runtime,
            clock: Arc::new(SystemClock),
            random: Arc::new(BufferedRandom::new(OsRandom)),
            observer: Arc::new(StderrObserver),
            lease: Duration::from_secs(5),
        };
        Self {
            settings,
            environment,
            replay: Arc::new(MemoryReplayGuard::default()),
            subscription: None,
            directory: None,
            licensing: None,
            orders: None,
            open_api: None,
            tenant: None,
        }
    }

    /// Sets the name under which this service keeps what it knows in its ledger, replay guard and store of Licenses, so that
    /// services of several sellers, or of several products with keys of their own, can share them (default: none, which is
    /// one of its own).
    ///
    /// The same ids sent to two services are two orders, instances, calls and Licenses then. What was bought under another
    /// name, or none, the service does not know. Other stores, such as the directory, have to be one per service.
    #[must_use]
    pub fn tenant(mut self, name: TenantName) -> Self {
        self.tenant = Some(name);
        self
    }

    /// Serves the SaaS callbacks with a handler and a ledger, which may be that of the Licenses and orders: each family sees
    /// its own instances alone. Without this they are answered `000005`.
    #[must_use]
    pub fn subscription(mut self, handler: impl SubscriptionHandler, ledger: impl Ledger) -> Self {
        self.subscription = Some((Arc::new(handler), Arc::new(ledger)));
        self
    }

    /// Serves the Kit callbacks with a directory, and what decrypts the client secrets sent to it. Without this they are
    /// answered `000005`.
    #[must_use]
    pub fn directory(mut self, handler: impl DirectoryHandler, decryptor: impl ClientSecretDecryptor) -> Self {
        self.directory = Some((Arc::new(handler), Arc::new(decryptor)));
        self
    }

    /// Serves the License callbacks with a handler, a ledger (which may be that of the subscriptions and orders) and a store
    /// of the Licenses made. Without this they are answered `000005`.
    ///
    /// Licenses applied for online are uploaded with the [open-API client](Self::open_api); call
    /// [`CallbackService::deliver_licenses`] on a task of its own, so that those that could not be uploaded at once, or
    /// were cut off by a crash, are.
    #[must_use]
    pub fn licensing(
        mut self,
        handler: impl LicensingHandler,
        ledger: impl Ledger,
        licenses: impl LicenseStore,
    ) -> Self {
        let handler = Arc::new(handler);
        self.licensing = Some(LicensingParts {
            instances: Arc::new(Licenses { handler: Arc::clone(&handler), key: LicenseKey::Instance }),
            codes: Arc::new(Licenses { handler: Arc::clone(&handler), key: LicenseKey::Code }),
            issuing: handler,
            ledger: Arc::new(ledger),
            store: Arc::new(licenses),
        });
        self
    }

    /// Sets the key with which online License calls are signed (default: that of the basic interface). No document says
    /// which it is, so the keys of the basic interface and of License delivery verify them as well.
    ///
    /// Four messages of online License cannot be told from SaaS V2.0 by what they say. Where the service has handlers for
    /// both, they are taken for SaaS V2.0, unless this names another key and they are signed with that.
    #[must_use]
    pub fn online_license_key(mut self, interface: InterfaceType) -> Self {
        self.settings.online_license_key = interface;
        self
    }

    /// Serves order notification: the handler is called once per order line, as noted in a ledger (which may be that of the
    /// subscriptions and Licenses). Without this the calls are answered `000005`. With an open-API client the notice holds
    /// the order.
    #[must_use]
    pub fn orders(mut self, handler: impl OrdersHandler, ledger: impl Ledger) -> Self {
        let notices: NoticesOf = Box::new(|open_api| Arc::new(Notices { handler, open_api }));
        self.orders = Some((notices, Arc::new(ledger)));
        self
    }

    /// Completes V2.0 events from the order query, so that a handler learns from every generation the same: what was
    /// bought, by whom, for how long and for how much. The client needs AK/SK.
    ///
    /// The order is asked for after the call was verified and before the handler runs. If that fails, the call is answered
    /// `000005`, the marketplace sends it again, and the handler never sees an event without its facts.
    #[must_use]
    pub fn open_api(mut self, client: Client) -> Self {
        self.open_api = Some(client);
        self
    }

    /// Remembers calls here; in memory, 100,000 of them, unless set.
    #[must_use]
    pub fn replay_guard(mut self, replay: impl ReplayGuard) -> Self {
        self.replay = Arc::new(replay);
        self
    }

    /// Is told of every exchange; [`StderrObserver`] unless set.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.environment.observer = Arc::new(observer);
        self
    }

    /// Tells the time; the system's clock unless set.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.environment.clock = Arc::new(clock);
        self
    }

    /// Gives randomness; the operating system's, drawn in blocks of 1 KiB ([`BufferedRandom`]), unless set.
    #[must_use]
    pub fn random(mut self, random: impl Random) -> Self {
        self.environment.random = Arc::new(random);
        self
    }

    /// The cipher chosen in the seller console for sensitive data in V1.0; AES-256 unless set.
    #[must_use]
    pub fn encrypt_type(mut self, encrypt_type: EncryptType) -> Self {
        self.settings.encrypt_type = encrypt_type;
        self
    }

    /// The zone of `expireTime` in V1.0, which no document states; UTC unless set.
    #[must_use]
    pub fn v1_expire_time_zone(mut self, zone: UtcOffset) -> Self {
        self.settings.v1_zone = zone;
        self
    }

    /// How old or far ahead a V1.0 call may be; 12 hours both ways unless set. The documents set no limit; within it
    /// repeats of a token are answered from memory, so it must be wide enough for retries and is bounded by memory.
    #[must_use]
    pub fn v1_window(mut self, window: Window) -> Self {
        self.settings.v1_window = window;
        self
    }

    /// How old or far ahead a V2.0 call may be; the documented 60 seconds both ways unless set.
    #[must_use]
    pub fn v2_window(mut self, window: Window) -> Self {
        self.settings.v2_window = window;
        self
    }

    /// When a V1.0 call is answered at the latest; 15 seconds unless set (the marketplace waits 20). A creation that takes
    /// longer is answered as done, with its fixed id and without access data, and goes on; see the guide, "subscription".
    #[must_use]
    pub fn v1_deadline(mut self, deadline: Duration) -> Self {
        self.settings.v1_deadline = deadline;
        self
    }

    /// When a V2.0 call is answered at the latest; 4 seconds unless set (the marketplace waits 5). A creation that takes
    /// longer is answered `000004` and goes on; `queryInstance` turns to success when it is done.
    #[must_use]
    pub fn v2_deadline(mut self, deadline: Duration) -> Self {
        self.settings.v2_deadline = deadline;
        self
    }

    /// When a Kit call is answered at the latest; 15 seconds unless set (the marketplace waits 20).
    #[must_use]
    pub fn kit_deadline(mut self, deadline: Duration) -> Self {
        self.settings.kit_deadline = deadline;
        self
    }

    /// For how long an instance stays reserved when the process working on it has died; 5 seconds unless set. A handler
    /// that blocks its runtime for longer than this can be run twice at once by two processes.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.environment.lease = lease;
        self
    }

    /// Signs V2.0 answers with `Body-Sign` as well. The European guide demands signed answers without giving a form; the
    /// other sites do not ask for it. Off unless set.
    #[must_use]
    pub fn sign_v2_answers(mut self, sign: bool) -> Self {
        self.settings.sign_v2_answers = sign;
        self
    }

    /// What becomes of debugging and dial-test calls; the service answers them unless set.
    #[must_use]
    pub fn debug_calls(mut self, debug_calls: DebugCalls) -> Self {
        self.settings.debug_calls = debug_calls;
        self
    }

    /// The access data in answers to debugging calls; `https://www.example.com` unless set.
    #[must_use]
    pub fn debug_access(mut self, access: AccessInfo) -> Self {
        self.settings.debug_access = access;
        self
    }

    /// Puts it together. The AES keys of V1.0 are derived here, once.
    pub fn build(mut self) -> CallbackService {
        self.settings.join_keys();
        let environment = Arc::new(self.environment);
        let directory = self.directory.map(|(handler, decryptor)| Directory {
            handler,
            decryptor,
            environment: Arc::clone(&environment),
        });
        let tenant = self.tenant.as_ref();
        let executor = |handler, ledger, family, open_api| {
            Arc::new(Executor {
                handler,
                ledger: Scoped::new(ledger, tenant, family),
                open_api,
                environment: Arc::clone(&environment),
                running: Default::default(),
            })
        };
        let subscription = self
            .subscription
            .map(|(handler, ledger)| executor(handler, ledger, Family::Subscriptions, self.open_api.clone()));
        let licensing = self.licensing.map(|parts| Licensing {
            instances: executor(parts.instances, Arc::clone(&parts.ledger), Family::Licenses, self.open_api.clone()),
            subscriptions: subscription.clone(),
            codes: executor(parts.codes, parts.ledger, Family::Codes, None),
            issuer: Arc::new(Issuer {
                handler: parts.issuing,
                store: ScopedStore::new(parts.store, tenant),
                open_api: self.open_api.clone(),
                environment: Arc::clone(&environment),
                at_work: Arc::default(),
            }),
        });
        let orders = self.orders.map(|(notices, ledger)| {
            // They ask for the order themselves: they want all of it, whatever it is.
            executor(notices(self.open_api.clone()), ledger, Family::Notices, None)
        });
        self.settings.families =
            Families { subscription: subscription.is_some(), licensing: licensing.is_some(), orders: orders.is_some() };
        CallbackService {
            inner: Arc::new(Inner {
                settings: self.settings,
                environment,
                replay: match self.tenant {
                    None => self.replay,
                    Some(tenant) => Arc::new(TenantGuard::new(self.replay, tenant)),
                },
                subscription,
                directory,
                licensing,
                orders,
            }),
        }
    }
}
