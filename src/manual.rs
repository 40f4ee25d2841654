//! The handbook: chapters without code of their own.
//!
//! Links stand here and not in the chapters, so that the files can be read as they are.

pub mod _1_getting_started {
    #![doc = include_str!("manual/getting_started.md")]
    //!
    //! [`CallbackService`]: crate::callback::CallbackService
    //! [`AccessKey::from_base64`]: crate::key::AccessKey::from_base64
    //! [`InterfaceType::V1`]: crate::key::InterfaceType::V1
    //! [`SubscriptionHandler`]: crate::callback::subscription::SubscriptionHandler
    //! [`MemoryLedger`]: crate::ledger::MemoryLedger
    //! [deployment]: super::_4_deployment
    //! [`Client`]: crate::open_api::Client
    //! [`open_api`]: crate::callback::CallbackServiceBuilder::open_api
}
pub mod _2_what_happens_once {
    #![doc = include_str!("manual/what_happens_once.md")]
    //!
    //! [ledger]: crate::ledger
    //! [replay guard]: crate::replay
    //! [`tenant`]: crate::callback::CallbackServiceBuilder::tenant
    //! [`fence`]: crate::lease::Fence
    //! [`completion`]: crate::ledger::Completion
    //! [`CallbackEvent::BackgroundFailure`]: crate::callback::CallbackEvent::BackgroundFailure
}
pub mod _3_security {
    #![doc = include_str!("manual/security.md")]
    //!
    //! [`signature::callback_v2::signed_query`]: crate::signature::callback_v2::signed_query
    //! [`signature::auth_token::signed_query`]: crate::signature::auth_token::signed_query
    //! [`Sensitive`]: crate::redact::Sensitive
    //! [`replay`]: crate::replay
    //! [`Observer`]: crate::callback::Observer
}
pub mod _4_deployment {
    #![doc = include_str!("manual/deployment.md")]
    //!
    //! [`adapter`]: crate::adapter
    //! [`Endpoint`]: crate::adapter
    //! [`body_limit`]: crate::callback::CallbackServiceBuilder::body_limit
    //! [`list_limit`]: crate::callback::CallbackServiceBuilder::list_limit
    //! [`body_budget`]: crate::callback::CallbackServiceBuilder::body_budget
    //! [`CallbackService::wait_idle`]: crate::callback::CallbackService::wait_idle
    //! [`Ledger`]: crate::ledger::Ledger
    //! [`Housekeeper`]: crate::housekeeping::Housekeeper
    //! [pauses]: super::_2_what_happens_once
    //! [names]: crate::callback::CallbackServiceBuilder::tenant
    //! [front doors]: super::_11_front_doors
}
pub mod _5_troubleshooting {
    #![doc = include_str!("manual/troubleshooting.md")]
}
pub mod _6_metering {
    #![doc = include_str!("manual/metering.md")]
    //!
    //! [`Meter::record`]: crate::metering::Meter::record
    //! [`with_id`]: crate::metering::Usage::with_id
    //! [`Pusher`]: crate::metering::Pusher
    //! [`Meter::close_instance`]: crate::metering::Meter::close_instance
    //! [`Meter::status`]: crate::metering::Meter::status
    //! [`correct`]: crate::metering::Meter::correct
    //! [`left`]: crate::metering::package::PackageBook::left
    //! [`package`]: crate::metering::package::PackageBook::package
    //! [`PackageBook::status`]: crate::metering::package::PackageBook::status
    //! [`with_thresholds`]: crate::metering::Meter::with_thresholds
    //! [observer]: crate::metering::Meter::with_observer
    //! [`check_limits`]: crate::metering::Meter::check_limits
    //! [`MeteringEvent::Held`]: crate::metering::MeteringEvent::Held
    //! [`with_longest_pause`]: crate::metering::Pusher::with_longest_pause
    //! [`Meter::statement`]: crate::metering::Meter::statement
    //! [`Period::Hourly`]: crate::metering::Period::Hourly
    //! [`Meter::usage_info`]: crate::metering::Meter::usage_info
    //! [`Meter::with_cycle`]: crate::metering::Meter::with_cycle
    //! [`Meter::begin_cycle`]: crate::metering::Meter::begin_cycle
    //! [`Cycle`]: crate::metering::Cycle
    //! [`with_package`]: crate::metering::Usage::with_package
    //! [`PackageBook`]: crate::metering::package::PackageBook
    //! [`Packages`]: crate::callback::packages::Packages
    //! [`add`]: crate::metering::package::PackageBook::add
    //! [`extend`]: crate::metering::package::PackageBook::extend
    //! [`end`]: crate::metering::package::PackageBook::end
    //! [`PackageBook::record`]: crate::metering::package::PackageBook::record
    //! [`Consumption`]: crate::metering::package::Consumption
    //! [`Stop`]: crate::metering::package::WhenUsedUp::Stop
    //! [`PayPerUse`]: crate::metering::package::WhenUsedUp::PayPerUse
    //! [`reserve`]: crate::metering::package::PackageBook::reserve
    //! [`reservations`]: crate::metering::package::PackageBook::reservations
}
pub mod _7_joint_operation {
    #![doc = include_str!("manual/joint_operation.md")]
    //!
    //! [`CallbackServiceBuilder::directory`]: crate::callback::CallbackServiceBuilder::directory
    //! [`DirectoryHandler`]: crate::callback::directory::DirectoryHandler
    //! [`Login`]: crate::login::Login
    //! [`StoreLogin`]: crate::login::StoreLogin
    //! [`url()`]: crate::login::Login::url
    //! [`complete`]: crate::login::Login::complete
    //! [`client_secret`]: crate::cipher::client_secret
}
pub mod _8_licenses {
    #![doc = include_str!("manual/licenses.md")]
    //!
    //! [`LicensingHandler`]: crate::callback::licensing::LicensingHandler
    //! [`CallbackServiceBuilder::licensing`]: crate::callback::CallbackServiceBuilder::licensing
    //! [`OrdersHandler`]: crate::callback::orders::OrdersHandler
    //! [`orders`]: crate::callback::CallbackServiceBuilder::orders
    //! [`issue`]: crate::callback::licensing::LicensingHandler::issue
    //! [`deliver_licenses`]: crate::callback::CallbackService::deliver_licenses
    //! [`InstanceNotFound`]: crate::result_code::ResultCode::InstanceNotFound
    //! [`online_license_key`]: crate::callback::CallbackServiceBuilder::online_license_key
    //! [`heartbeat`]: crate::heartbeat
}
pub mod _9_going_live {
    #![doc = include_str!("manual/going_live.md")]
    //!
    //! [getting started]: super::_1_getting_started
}
pub mod _10_testing {
    #![doc = include_str!("manual/testing.md")]
    //!
    //! [going live]: super::_9_going_live
}
pub mod _11_front_doors {
    #![doc = include_str!("manual/front_doors.md")]
}
