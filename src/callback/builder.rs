//! The builder of a service.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use time::UtcOffset;

use super::body::{BodyBudget, BodyLimits};
use super::environment::Environment;
use super::handler::directory::{DirectoryHandler, ErasedDirectory};
use super::handler::licensing::{ErasedIssuing, LicenseSubject, Licenses, LicensingHandler};
use super::handler::orders::OrdersHandler;
use super::handler::subscription::{AccessInfo, ErasedHandler, SubscriptionHandler};
use super::pipeline::{Directory, Executor, Issuer, Licensing, Notices};
use super::service::{CallbackService, Inner};
use super::settings::{DebugCalls, Families, Settings};
use super::{CallbackEvent, MissingKey, Observer, Runtime, StderrObserver};
use crate::cipher::client_secret::ClientSecretDecryptor;
use crate::cipher::field::EncryptType;
use crate::clock::{Clock, SystemClock};
use crate::key::{AccessKeys, InterfaceType};
use crate::ledger::{Family, Ledger, Scoped};
use crate::license_store::{LicenseStore, ScopedStore};
use crate::open_api::Client;
use crate::protocol::Protocol;
use crate::random::{BufferedRandom, OsRandom, Random};
use crate::replay::{MemoryReplayGuard, ReplayGuard, TenantGuard};
use crate::signature::Window;
use crate::tenant::TenantName;

/// Builder of a [`CallbackService`]; every setting has a default.
///
/// ```
/// use std::time::Duration;
///
/// use koogallery::callback::subscription::{AccessInfo, SubscriptionHandler};
/// use koogallery::callback::{CallbackService, DebugCalls, Observer, Runtime};
/// use koogallery::key::{AccessKeys, InterfaceType};
/// use koogallery::ledger::MemoryLedger;
/// use koogallery::signature::Window;
/// use koogallery::tenant::TenantName;
///
/// fn service(
///     keys: AccessKeys,
///     runtime: impl Runtime,
///     shop: impl SubscriptionHandler,
///     log: impl Observer,
/// ) -> Result<CallbackService, Box<dyn std::error::Error>> {
///     let day = Duration::from_secs(24 * 60 * 60);
///     let service = CallbackService::builder(keys, runtime)
///         .subscription(shop, MemoryLedger::new())
///         .tenant(TenantName::new("shop-2")?) // another service has the same stores
///         .observer(log)
///         .online_license_key(InterfaceType::License)
///         .v1_window(Window::symmetric(day))
///         .v2_window(Window::symmetric(Duration::from_secs(300)))
///         .v1_deadline(Duration::from_secs(10))
///         .v2_deadline(Duration::from_secs(3))
///         .kit_deadline(Duration::from_secs(10))
///         .debug_calls(DebugCalls::Answer)
///         .debug_access(AccessInfo::new("https://shop.example.com/demo"))
///         .sign_v2_answers(true)
///         .body_limit(16 * 1024)
///         .list_limit(1024 * 1024)
///         .body_budget(16 * 1024 * 1024)
///         .build();
///     Ok(service)
/// }
/// ```
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
    body_budget: usize,
}

impl fmt::Debug for CallbackServiceBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallbackServiceBuilder").field("keys", &self.settings.keys).finish_non_exhaustive()
    }
}

/// Builds the handler of notices once the open-API client is known.
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
            body_limits: BodyLimits::default(),
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
            body_budget: BodyBudget::DEFAULT,
        }
    }

    /// Sets the name under which this service keeps its data in ledger, replay guard and License store, so that services of
    /// several sellers, or of several products with keys of their own, can share them (default: none, a name of its own).
    ///
    /// Equal ids sent to two services are two orders, instances, calls and Licenses then. The service does not know what was
    /// bought under another name, or under none. Other stores, such as the directory, have to be one per service.
    #[must_use]
    pub fn tenant(mut self, name: TenantName) -> Self {
        self.tenant = Some(name);
        self
    }

    /// Serves the SaaS callbacks with a handler and a ledger (default: they are answered `000005`). The ledger may be that of
    /// the Licenses and orders: each family sees its own instances alone.
    #[must_use]
    pub fn subscription(mut self, handler: impl SubscriptionHandler, ledger: impl Ledger) -> Self {
        self.subscription = Some((Arc::new(handler), Arc::new(ledger)));
        self
    }

    /// Serves the Kit callbacks with a directory, and with the decryptor of the client secrets sent to it (default: they are
    /// answered `000005`).
    #[must_use]
    pub fn directory(mut self, handler: impl DirectoryHandler, decryptor: impl ClientSecretDecryptor) -> Self {
        self.directory = Some((Arc::new(handler), Arc::new(decryptor)));
        self
    }

    /// Serves the License callbacks with a handler, a ledger (which may be that of the subscriptions and orders) and a store
    /// for the Licenses made (default: they are answered `000005`).
    ///
    /// Licenses applied for online are uploaded with the [open-API client](Self::open_api). Spawn
    /// [`CallbackService::deliver_licenses`] as a task, so that Licenses that could not be uploaded at once, or were cut off by
    /// a crash, are uploaded later.
    #[must_use]
    pub fn licensing(
        mut self,
        handler: impl LicensingHandler,
        ledger: impl Ledger,
        licenses: impl LicenseStore,
    ) -> Self {
        let handler = Arc::new(handler);
        self.licensing = Some(LicensingParts {
            instances: Arc::new(Licenses { handler: Arc::clone(&handler), key: LicenseSubject::Instance }),
            codes: Arc::new(Licenses { handler: Arc::clone(&handler), key: LicenseSubject::Code }),
            issuing: handler,
            ledger: Arc::new(ledger),
            store: Arc::new(licenses),
        });
        self
    }

    /// Sets the interface type whose key signs online License calls (default: basic). No document says which it is, so the
    /// keys of the basic interface and of License delivery verify them as well.
    ///
    /// Four messages of online License cannot be distinguished from SaaS V2.0 by content. If the service has handlers
    /// for both, they are taken for SaaS V2.0, unless this names another key and they are signed with it.
    #[must_use]
    pub fn online_license_key(mut self, interface: InterfaceType) -> Self {
        self.settings.online_license_key = interface;
        self
    }

    /// Serves order notification with a handler, called once per order line, and a ledger, which may be that of the
    /// subscriptions and Licenses (default: the calls are answered `000005`). With an open-API client the notice holds the
    /// order.
    #[must_use]
    pub fn orders(mut self, handler: impl OrdersHandler, ledger: impl Ledger) -> Self {
        let notices: NoticesOf = Box::new(|open_api| Arc::new(Notices { handler, open_api }));
        self.orders = Some((notices, Arc::new(ledger)));
        self
    }

    /// Sets the client that completes V2.0 events from the order query, so that a handler gets the same data for each
    /// protocol: product, buyer, period and price (default: none). The client needs AK/SK.
    ///
    /// The order is queried after the call was verified and before the handler runs. If that fails, the call is answered
    /// `000005`, the marketplace sends it again, and the handler never gets an incomplete event.
    #[must_use]
    pub fn open_api(mut self, client: Client) -> Self {
        self.open_api = Some(client);
        self
    }

    /// Sets the replay guard, which remembers calls (default: the last 100,000, in memory, which serves one process only).
    #[must_use]
    pub fn replay_guard(mut self, replay: impl ReplayGuard) -> Self {
        self.replay = Arc::new(replay);
        self
    }

    /// Sets the observer (default: [`StderrObserver`]).
    #[must_use]
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.environment.observer = Arc::new(observer);
        self
    }

    /// Sets the clock (default: the system's).
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.environment.clock = Arc::new(clock);
        self
    }

    /// Sets the source of randomness (default: the operating system's, in blocks of 1 KiB, [`BufferedRandom`]).
    #[must_use]
    pub fn random(mut self, random: impl Random) -> Self {
        self.environment.random = Arc::new(random);
        self
    }

    /// Sets the cipher for sensitive data in V1.0, as chosen in the seller console (default: AES-256).
    #[must_use]
    pub fn encrypt_type(mut self, encrypt_type: EncryptType) -> Self {
        self.settings.encrypt_type = encrypt_type;
        self
    }

    /// Sets the time zone of `expireTime` in V1.0, which no document states (default: UTC).
    #[must_use]
    pub fn v1_expire_time_zone(mut self, zone: UtcOffset) -> Self {
        self.settings.v1_zone = zone;
        self
    }

    /// Sets how old or far ahead a V1.0 call may be (default: 12 hours both ways). The documents set no limit; within it
    /// repeats of a token are answered from memory, so it must be wide enough for retries and is bounded by memory.
    #[must_use]
    pub fn v1_window(mut self, window: Window) -> Self {
        self.settings.v1_window = window;
        self
    }

    /// Sets how old or far ahead a V2.0 call may be (default: the documented 60 seconds both ways).
    #[must_use]
    pub fn v2_window(mut self, window: Window) -> Self {
        self.settings.v2_window = window;
        self
    }

    /// Sets when a V1.0 call is answered at the latest (default: 15 seconds; the marketplace waits 20). A creation that takes
    /// longer is answered as done, with its fixed id and without access data, and continues in the background. Whatever else
    /// takes longer, the handler or a store, is answered `000005`.
    #[must_use]
    pub fn v1_deadline(mut self, deadline: Duration) -> Self {
        self.settings.v1_deadline = deadline;
        self
    }

    /// Sets when a V2.0 call is answered at the latest (default: 4 seconds; the marketplace waits 5). A creation that takes
    /// longer is answered `000004`, once its instance id is fixed, and continues in the background; `queryInstance` succeeds
    /// when it is done. Whatever else takes longer, the handler or a store, is answered `000005`.
    #[must_use]
    pub fn v2_deadline(mut self, deadline: Duration) -> Self {
        self.settings.v2_deadline = deadline;
        self
    }

    /// Sets when a Kit call is answered at the latest (default: 15 seconds; the marketplace waits 20).
    #[must_use]
    pub fn kit_deadline(mut self, deadline: Duration) -> Self {
        self.settings.kit_deadline = deadline;
        self
    }

    /// Sets how long an instance stays reserved after the process working on it has died (default: 5 seconds). It is reserved
    /// again after each third of this time for as long as the handler runs. A handler that blocks its runtime for longer
    /// can be run by two processes at once; see [`Fence`](crate::lease::Fence).
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.environment.lease = lease;
        self
    }

    /// Sets whether V2.0 answers are signed with `Body-Sign` as well (default: no). The European guide demands signed answers
    /// without giving a form; the other sites do not ask for it.
    #[must_use]
    pub fn sign_v2_answers(mut self, sign: bool) -> Self {
        self.settings.sign_v2_answers = sign;
        self
    }

    /// Sets how debugging and dial-test calls are handled (default: the service answers them).
    #[must_use]
    pub fn debug_calls(mut self, debug_calls: DebugCalls) -> Self {
        self.settings.debug_calls = debug_calls;
        self
    }

    /// Sets the access data in answers to debugging calls (default: `https://www.example.com`).
    #[must_use]
    pub fn debug_access(mut self, access: AccessInfo) -> Self {
        self.settings.debug_access = access;
        self
    }

    /// Sets the largest request body in bytes, but for the Kit's lists (default: 64 KiB). The documents set no limit; calls
    /// have a few KiB.
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.settings.body_limits.body = bytes;
        self
    }

    /// Sets the largest request body in bytes of the Kit's `authSync` and `allOrgSync`, which send lists of all users and
    /// departments (default: 4 MiB). It counts if the service has a [directory](Self::directory).
    #[must_use]
    pub fn list_limit(mut self, bytes: usize) -> Self {
        self.settings.body_limits.list = bytes;
        self
    }

    /// Sets how many bytes the request bodies of all calls in progress may take together (default: 64 MiB). Bodies of more
    /// than 64 KiB may take half of it. A call whose body finds no room is answered `000005`, so that the marketplace sends
    /// it again, and reported as [`BodyError::BudgetExhausted`](super::BodyError::BudgetExhausted).
    #[must_use]
    pub fn body_budget(mut self, bytes: usize) -> Self {
        self.body_budget = bytes;
        self
    }

    /// Builds the service. Derives the AES keys of V1.0, and reports handlers without a key to the observer
    /// ([`CallbackEvent::MissingKey`]).
    pub fn build(mut self) -> CallbackService {
        self.settings.join_keys();
        let environment = Arc::new(self.environment);
        let directory = self.directory.map(|(handler, decryptor)| Directory { handler, decryptor });
        let tenant = self.tenant.as_ref();
        let executor = |handler, ledger, family, open_api| {
            Arc::new(Executor {
                handler,
                ledger: Scoped::new(ledger, tenant, family),
                open_api,
                environment: Arc::clone(&environment),
                running: Default::default(),
                is_running: Default::default(),
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
        self.settings.families = Families {
            subscription: subscription.is_some(),
            directory: directory.is_some(),
            licensing: licensing.is_some(),
            orders: orders.is_some(),
        };
        let handlers: [(bool, &[Protocol]); 4] = [
            (subscription.is_some(), &[Protocol::SaasV2, Protocol::SaasV1]),
            (directory.is_some(), &[Protocol::KitV2, Protocol::KitV1]),
            (licensing.is_some(), &[Protocol::LicenseOnline, Protocol::LicenseCode, Protocol::LicenseV1]),
            (orders.is_some(), &[Protocol::OrderNotify]),
        ];
        for (has_handler, protocols) in handlers {
            if has_handler && protocols.iter().all(|protocol| self.settings.keys_of(*protocol).is_err()) {
                environment.observe(CallbackEvent::MissingKey(MissingKey::new(protocols)));
            }
        }
        CallbackService {
            inner: Arc::new(Inner {
                settings: self.settings,
                environment,
                replay: match self.tenant {
                    None => self.replay,
                    Some(tenant) => Arc::new(TenantGuard::new(self.replay, tenant)),
                },
                bodies: BodyBudget::new(self.body_budget),
                subscription,
                directory,
                licensing,
                orders,
            }),
        }
    }
}
