//! The table: one row per field, or per several of which the documents say the same.
//!
//! Sources: the pages of the messages, as named in the library's modules.

use super::Content::{Forms, Id, SentBy, Text, Time, With};
use super::{Content, Form, FormValue, Occasion, Row, entry, form, number, row, text, undocumented};
use crate::charging::Charging;
use koogallery::activity::Activity::{
    self, AllOrgSync, ApplicationSync, AuthSync, ChangeInstanceCheck, ExpireInstance, ExpireLicense, GetLicense,
    GetLicenseAsync, InstanceStatus, NewInstance, QueryInstance, RefreshInstance, RefreshLicense, RefreshLicenseCode,
    ReleaseInstance, ReleaseLicense, ReleaseLicenseCode, SingleOrgSync, TenantSync, UpdateInstanceStatus,
    UpdateLicenseCodeStatus, Upgrade, UpgradeInstance,
};
use koogallery::kit;
use koogallery::license;
use koogallery::protocol::Protocol::{self, KitV1, KitV2, LicenseCode, LicenseOnline, LicenseV1, SaasV1, SaasV2};
use koogallery::saas;

const ABSENT: Form = form(FormValue::Absent);
const PERIOD: Occasion = Occasion::Sold(&[Charging::Period]);
const WITH_TERM: Occasion = Occasion::Sold(&[Charging::Period, Charging::Package]);

/// Absent or 0 by site and date, if the call is real.
const TEST_FLAG: Content = Forms(&[ABSENT.when(Occasion::Real), text("0").when(Occasion::Real), text("1")]);
const MANDATORY_TEST_FLAG: Content = Forms(&[text("0").when(Occasion::Real), text("1")]);
const UNVERIFIED_TEST_FLAG: Content = Forms(&[text("0").when(Occasion::Real).unverified(), text("1").unverified()]);
const NUMERIC_TEST_FLAG: Content = Forms(&[number(0).when(Occasion::Real), number(1)]);

const NEW_PRODUCT: Content = Forms(&[ABSENT, text("OFFI000000000000000002")]);
const STATUS: Content =
    Forms(&[text("FREEZE").sent_by("L1"), text("UNFREEZE").sent_by("L1"), undocumented(FormValue::Text("HIBERNATE"))]);
const STATUS_OF_A_CODE: Content =
    Forms(&[text("FREEZE").sent_by("I9"), text("UNFREEZE").sent_by("I9"), undocumented(FormValue::Text("HIBERNATE"))]);
/// Documented with 14 digits, shown with 17.
const NEW_EXPIRY: Content = Forms(&[form(FormValue::Seconds), form(FormValue::Milliseconds)]);
const NEW_EXPIRY_IN_SECONDS: Content = Forms(&[form(FormValue::Seconds), form(FormValue::Milliseconds).unverified()]);
/// Only after an unsubscription.
const UNSUBSCRIPTION: Content = Forms(&[ABSENT, form(FormValue::NewOrder)]);
/// Mandatory by the table, left out in the samples.
const PURCHASE_ORDER: Content = Forms(&[ABSENT, form(FormValue::OwnOrder)]);
const PERIOD_TYPE: Content =
    Forms(&[text("year").when(PERIOD), text("month").when(PERIOD), text("day").when(PERIOD).unverified()]);
const PERIOD_NUMBER: Content =
    Forms(&[text("1").when(PERIOD), text("2").when(PERIOD), text("3").when(PERIOD), text("12").when(PERIOD)]);
const QUANTITY: Content = Forms(&[text("1"), text("9999")]);
const NEW_QUANTITY: Content = Forms(&[text("1"), text("9999"), text("9999999")]);
/// At most three decimals.
const PAID: Content = Forms(&[text("100"), text("0"), text("99.9"), text("99.99"), text("99.999")]);
/// Negative if a renewal is refunded.
const PAID_OR_REFUNDED: Content = Forms(&[
    text("100"),
    text("0"),
    text("99.9"),
    text("99.99"),
    text("99.999"),
    text("-100"),
    text("-99.9"),
    text("-99.999"),
]);

const ADD: Form = number(1).sent_by("L1");
const MODIFY: Form = number(2).sent_by("L1");
const CANCEL: Form = number(3).sent_by("L1");
const DELETE: Form = number(0).sent_by("L1");
const NO_FLAG: Form = undocumented(FormValue::Number(9));
/// A modification is documented by a guide of the workbench only.
const FLAG_OF_V1: Content = Forms(&[ADD, number(2).unverified(), DELETE, NO_FLAG]);
const FLAG: Content = Forms(&[ADD, MODIFY, DELETE, NO_FLAG]);
const FLAG_OF_AN_APPLICATION: Content = Forms(&[ADD, number(2), DELETE, NO_FLAG]);
const AUTH_FLAG_OF_V2: Content = Forms(&[ADD, MODIFY, CANCEL, DELETE, NO_FLAG]);
/// Any text while debugging.
const DOMAIN: Content = Forms(&[text("https://acme.idp.example.com"), text("any text").when(Occasion::Test)]);
const PARENT: Content = Forms(&[ABSENT, text(""), text("D0000")]);

const SAAS: &[Protocol] = &[SaasV2, SaasV1];
const KITS: &[Protocol] = &[KitV1, KitV2];

pub(super) const ROWS: &[Row] = &[
    row(&[SaasV2], saas::v2::Callback::ACTIVITIES, "testFlag", TEST_FLAG),
    row(&[SaasV1], saas::v1::Callback::ACTIVITIES, "testFlag", TEST_FLAG),
    row(&[LicenseOnline], license::online::Callback::ACTIVITIES, "testFlag", TEST_FLAG),
    row(&[LicenseCode], license::code::Callback::ACTIVITIES, "testFlag", TEST_FLAG),
    // Seen on no page of this family.
    row(&[LicenseV1], license::v1::Callback::ACTIVITIES, "testFlag", UNVERIFIED_TEST_FLAG),
    row(&[Protocol::OrderNotify], &[Activity::OrderNotify], "testFlag", MANDATORY_TEST_FLAG),
    row(KITS, kit::v1::Callback::ACTIVITIES, "testFlag", NUMERIC_TEST_FLAG),
    // In V1.0 it is part of the proof.
    row(&[SaasV1], saas::v1::Callback::ACTIVITIES, "timeStamp", Time),
    row(&[LicenseV1], license::v1::Callback::ACTIVITIES, "timeStamp", Time),
    row(KITS, kit::v1::Callback::ACTIVITIES, "timeStamp", Time),
    // Purchases.
    row(&[SaasV2, SaasV1, LicenseOnline], &[NewInstance], "orderId", Id),
    row(&[SaasV2, LicenseOnline], &[NewInstance], "orderLineId", Id),
    row(&[SaasV2, SaasV1, LicenseOnline], &[NewInstance], "businessId", Id),
    row(&[SaasV2], &[NewInstance], "productId", Forms(&[text("OFFI000000000000000001").unverified()])),
    row(&[SaasV1], &[NewInstance], "productId", Id),
    row(&[SaasV1], &[NewInstance], "customerId", Id),
    row(&[SaasV1], &[NewInstance], "customerName", Text("ada")),
    row(&[SaasV1], &[NewInstance], "userId", Text("05d5b2a5e3f14f6fa5e2f5d3a0c1b2d3")),
    row(&[SaasV1], &[NewInstance], "userName", Text("ada.byron")),
    row(&[SaasV1], &[NewInstance], "mobilePhone", SentBy("L13")),
    row(&[SaasV1], &[NewInstance], "email", SentBy("L13")),
    row(&[SaasV1], &[NewInstance], "skuCode", Text("11111111-2222-3333-4444-555555555555")),
    row(&[SaasV1], &[NewInstance], "trialFlag", Forms(&[text("0"), text("1")])),
    row(
        &[SaasV1],
        &[NewInstance],
        "expireTime",
        Forms(&[text("20300101000000").when(WITH_TERM), text("20300101000000000").when(WITH_TERM).unverified()]),
    ),
    row(&[SaasV1], &[NewInstance], "chargingMode", SentBy("L9")),
    row(&[SaasV1], &[NewInstance], "saasExtendParams", SentBy("L12")),
    row(&[SaasV1], &[NewInstance], "amount", QUANTITY),
    row(&[SaasV1], &[NewInstance], "diskSize", QUANTITY),
    row(&[SaasV1], &[NewInstance], "bandWidth", QUANTITY),
    row(&[SaasV1], &[NewInstance], "periodType", PERIOD_TYPE),
    row(&[SaasV1], &[NewInstance], "periodNumber", PERIOD_NUMBER),
    row(&[SaasV1], &[NewInstance], "provisionType", Forms(&[text("1").unverified(), text("2").unverified()])),
    row(&[SaasV1], &[NewInstance], "acceptanceTime", Forms(&[text("20290101000000").unverified()])),
    row(&[SaasV1], &[NewInstance], "orderAmount", PAID),
    row(&[LicenseV1], &[GetLicense], "customerId", Id),
    row(&[LicenseV1], &[GetLicense], "businessId", Id),
    row(&[LicenseV1], &[GetLicense], "orderId", Id),
    row(&[LicenseV1], &[GetLicense], "productId", Id),
    row(&[LicenseV1], &[GetLicense], "customerName", Text("ada")),
    row(&[LicenseV1], &[GetLicense], "skuCode", Text("11111111-2222-3333-4444-555555555555")),
    row(
        &[LicenseV1],
        &[GetLicense],
        "expireTime",
        Forms(&[text("20300101000000").when(PERIOD), text("20300101000000000").when(PERIOD).unverified()]),
    ),
    row(&[LicenseV1], &[GetLicense], "periodType", PERIOD_TYPE),
    row(&[LicenseV1], &[GetLicense], "periodNumber", PERIOD_NUMBER),
    row(&[LicenseV1], &[GetLicense], "amount", QUANTITY),
    row(
        &[LicenseV1],
        &[GetLicense],
        "saasExtendParams",
        // [{"name":"identificationCode","value":"0A1B2C3D4E5F"}]
        Forms(&[text("W3sibmFtZSI6ImlkZW50aWZpY2F0aW9uQ29kZSIsInZhbHVlIjoiMEExQjJDM0Q0RTVGIn1d")]),
    ),
    // Queries.
    row(SAAS, &[QueryInstance], "instanceId", SentBy("Q1")),
    // Renewals.
    row(&[SaasV2, SaasV1, LicenseOnline], &[RefreshInstance], "orderId", Id),
    row(&[SaasV2, LicenseOnline], &[RefreshInstance], "orderLineId", Id),
    row(&[SaasV2, SaasV1, LicenseOnline], &[RefreshInstance], "instanceId", Id),
    row(&[SaasV2, LicenseOnline], &[RefreshInstance], "expireTime", NEW_EXPIRY),
    row(&[SaasV2, LicenseOnline], &[RefreshInstance], "productId", NEW_PRODUCT),
    row(
        &[SaasV2],
        &[RefreshInstance],
        "scene",
        Forms(&[
            text("RENEWAL"),
            text("TRIAL_TO_FORMAL"),
            text("UNSUBSCRIBE_RENEWAL_PERIOD"),
            text("RENEWAL_CHANGE").when(Occasion::Served(ChangeInstanceCheck)),
        ]),
    ),
    row(
        &[LicenseOnline],
        &[RefreshInstance],
        "scene",
        Forms(&[text("RENEWAL"), text("TRIAL_TO_FORMAL"), text("UNSUBSCRIBE_RENEWAL_PERIOD")]),
    ),
    row(&[LicenseCode], &[RefreshLicenseCode], "scene", Forms(&[text("RENEWAL"), text("UNSUBSCRIBE_RENEWAL_PERIOD")])),
    row(&[LicenseCode], &[RefreshLicenseCode], "orderId", Id),
    row(&[LicenseCode], &[RefreshLicenseCode], "orderLineId", Id),
    row(&[LicenseCode], &[RefreshLicenseCode], "license", Id),
    row(&[LicenseCode], &[RefreshLicenseCode], "expireTime", NEW_EXPIRY_IN_SECONDS),
    row(&[LicenseCode], &[RefreshLicenseCode], "productId", NEW_PRODUCT),
    row(&[SaasV1], &[RefreshInstance], "expireTime", NEW_EXPIRY_IN_SECONDS),
    // Empty or filled while debugging.
    row(
        &[SaasV1],
        &[RefreshInstance],
        "productId",
        Forms(&[ABSENT, text("").when(Occasion::Test), text("OFFI000000000000000002")]),
    ),
    row(&[SaasV1], &[RefreshInstance], "trialToFormal", Forms(&[ABSENT, text("1"), text("2").unverified()])),
    row(&[SaasV1], &[RefreshInstance], "periodType", PERIOD_TYPE),
    row(&[SaasV1], &[RefreshInstance], "periodNumber", PERIOD_NUMBER),
    row(&[SaasV1], &[RefreshInstance], "orderAmount", PAID_OR_REFUNDED),
    row(&[LicenseV1], &[RefreshLicense], "orderId", Id),
    row(&[LicenseV1], &[RefreshLicense], "instanceId", Id),
    row(&[LicenseV1], &[RefreshLicense], "expireTime", NEW_EXPIRY_IN_SECONDS),
    row(&[LicenseV1], &[RefreshLicense], "productId", NEW_PRODUCT),
    row(&[LicenseV1], &[RefreshLicense], "periodType", PERIOD_TYPE),
    row(&[LicenseV1], &[RefreshLicense], "periodNumber", PERIOD_NUMBER),
    // States.
    row(&[SaasV2, LicenseOnline], &[UpdateInstanceStatus], "instanceId", Id),
    row(&[SaasV2, LicenseOnline], &[UpdateInstanceStatus], "status", STATUS),
    row(&[LicenseCode], &[UpdateLicenseCodeStatus], "license", Id),
    row(&[LicenseCode], &[UpdateLicenseCodeStatus], "status", STATUS_OF_A_CODE),
    row(&[SaasV1], &[InstanceStatus], "instanceId", Id),
    row(
        &[SaasV1],
        &[InstanceStatus],
        "instanceStatus",
        Forms(&[text("FREEZE"), text("NORMAL"), undocumented(FormValue::Text("HIBERNATE"))]),
    ),
    row(&[SaasV1], &[ExpireInstance], "instanceId", Id),
    row(&[SaasV1], &[ExpireInstance], "orderId", PURCHASE_ORDER),
    row(&[LicenseV1], &[ExpireLicense], "instanceId", Id),
    row(&[LicenseV1], &[ExpireLicense], "orderId", PURCHASE_ORDER),
    // Releases.
    row(&[SaasV2, SaasV1, LicenseOnline], &[ReleaseInstance], "instanceId", Id),
    row(&[SaasV2, LicenseOnline], &[ReleaseInstance], "orderId", UNSUBSCRIPTION),
    row(&[SaasV2, LicenseOnline], &[ReleaseInstance], "orderLineId", With("orderId")),
    row(&[LicenseCode], &[ReleaseLicenseCode], "license", Id),
    row(&[LicenseCode], &[ReleaseLicenseCode], "orderId", UNSUBSCRIPTION),
    row(&[LicenseCode], &[ReleaseLicenseCode], "orderLineId", With("orderId")),
    row(&[SaasV1], &[ReleaseInstance], "orderId", PURCHASE_ORDER),
    row(&[SaasV1], &[ReleaseInstance], "orderAmount", PAID),
    row(&[LicenseV1], &[ReleaseLicense], "orderId", Id),
    row(&[LicenseV1], &[ReleaseLicense], "instanceId", Id),
    // Changes.
    row(&[SaasV2], &[UpgradeInstance], "instanceId", Id),
    row(&[SaasV2], &[UpgradeInstance], "orderId", Id),
    row(&[SaasV2], &[UpgradeInstance], "orderLineId", Id),
    row(&[SaasV1], &[Upgrade], "instanceId", Id),
    row(&[SaasV1], &[Upgrade], "orderId", Id),
    row(&[SaasV1], &[Upgrade], "skuCode", Id),
    row(&[SaasV1], &[Upgrade], "productId", Id),
    row(&[SaasV1], &[Upgrade], "amount", NEW_QUANTITY),
    row(&[SaasV1], &[Upgrade], "diskSize", NEW_QUANTITY),
    row(&[SaasV1], &[Upgrade], "bandWidth", NEW_QUANTITY),
    // In no table, but in every sample.
    row(&[SaasV1], &[Upgrade], "saasExtendParams", SentBy("L12")),
    row(&[SaasV2], &[ChangeInstanceCheck], "instanceId", Id),
    row(
        &[SaasV2],
        &[ChangeInstanceCheck],
        "productInfo",
        Forms(&[
            form(FormValue::Json(
                r#"{"productId":"OFFI000000000000000002","skuCode":"11111111-2222-3333-4444-555555555556","productName":"sample product"}"#,
            )),
            form(FormValue::Json(
                r#"{"productId":"OFFI000000000000000002","skuCode":"11111111-2222-3333-4444-555555555556","linearValue":5,"productName":"sample product"}"#,
            )),
        ]),
    ),
    // Applications for Licenses.
    row(&[LicenseOnline], &[GetLicenseAsync], "instanceId", Id),
    row(&[LicenseOnline], &[GetLicenseAsync], "eventId", Id),
    row(&[LicenseOnline], &[GetLicenseAsync], "effectiveTime", Time),
    row(&[LicenseOnline], &[GetLicenseAsync], "expireTime", Forms(&[ABSENT, text("2099-01-01 00:00:00 z")])),
    row(
        &[LicenseOnline],
        &[GetLicenseAsync],
        "deviceFingerprint",
        Forms(&[
            ABSENT,
            text("0A1B2C3D4E5F|DISK01|BOARD01|CPU01"),
            form(FormValue::Characters(1024)),
            // By the guide of the client.
            form(FormValue::Full).unverified(),
        ]),
    ),
    // Notices.
    row(&[Protocol::OrderNotify], &[Activity::OrderNotify], "orderId", Id),
    row(&[Protocol::OrderNotify], &[Activity::OrderNotify], "orderLineId", Id),
    // The Kit.
    row(KITS, kit::v1::Callback::ACTIVITIES, "instanceId", SentBy("A5")),
    row(KITS, kit::v1::Callback::ACTIVITIES, "tenantId", Id),
    row(KITS, &[TenantSync], "orderId", SentBy("A5")),
    row(KITS, &[TenantSync], "tenantCode", Id),
    row(KITS, &[TenantSync], "name", Text("示例企业")),
    row(KITS, &[TenantSync], "domainName", DOMAIN),
    row(&[KitV1], &[TenantSync, ApplicationSync], "flag", FLAG_OF_V1),
    row(&[KitV2], &[TenantSync], "flag", FLAG),
    row(&[KitV2], &[ApplicationSync], "flag", FLAG_OF_AN_APPLICATION),
    row(KITS, &[ApplicationSync, AuthSync], "appId", Id),
    row(KITS, &[ApplicationSync], "clientId", Id),
    row(KITS, &[ApplicationSync], "clientSecret", SentBy("L13")),
    row(KITS, &[AuthSync], "currentSyncTime", Time),
    row(&[KitV1], &[AuthSync], "flag", FLAG),
    row(&[KitV2], &[AuthSync], "flag", AUTH_FLAG_OF_V2),
    row(
        &[KitV1],
        &[AuthSync],
        "userList",
        Forms(&[
            entry("role", &FormValue::Text("user")),
            entry("role", &FormValue::Text("admin")),
            entry("enable", &FormValue::Text("true")),
            entry("enable", &FormValue::Text("false")),
            entry("position", &FormValue::Text("engineer")),
            entry("employeeCode", &FormValue::Text("E0001")),
            entry("employeeCode", &FormValue::Text("")),
            entry("mobile", &FormValue::Text("13800000000")),
            entry("mobile", &FormValue::Text("")),
            entry("mobile", &FormValue::Text("138****0000")).unverified(),
            entry("email", &FormValue::Text("ada@example.com")),
            entry("email", &FormValue::Text("")),
            entry("extension", &FormValue::Json("null")),
            entry("extension", &FormValue::Json("{}")),
            entry(
                "extension",
                &FormValue::Json(r#"{"employeeType":"1","workPlace":"Shenzhen","entryDate":"2022-11-9"}"#),
            ),
            entry("extension", &FormValue::Json(r#"{"employeeType":"2","entryDate":"2022-11-09"}"#)),
            entry("extension", &FormValue::Json(r#"{"employeeType":"3","costCenter":"C1"}"#)),
            entry("extension", &FormValue::Json(r#"{"employeeType":"4"}"#)),
            // The table has them beside it.
            entry("employeeType", &FormValue::Text("1")),
            entry("workPlace", &FormValue::Text("Shenzhen")),
            entry("entryDate", &FormValue::Text("2022-11-9")),
        ]),
    ),
    row(
        &[KitV2],
        &[AuthSync],
        "userList",
        Forms(&[
            entry("role", &FormValue::Text("user")),
            entry("role", &FormValue::Text("admin")),
            entry("enable", &FormValue::Text("true")),
            entry("enable", &FormValue::Text("false")),
            entry("position", &FormValue::Text("engineer")),
            entry("employeeCode", &FormValue::Text("E0001")),
            entry("employeeType", &FormValue::Number(1)),
            entry("employeeType", &FormValue::Number(2)),
            entry("employeeType", &FormValue::Number(3)),
            entry("employeeType", &FormValue::Number(4)),
            entry("mobile", &FormValue::Text("13800000000")),
            entry("mobile", &FormValue::Text("138****0000")).unverified(),
            entry("email", &FormValue::Text("ada@example.com")),
            entry("workPlace", &FormValue::Text("Shenzhen")),
            entry("entryDate", &FormValue::Text("2022-11-09")),
            entry("extension", &FormValue::Json(r#"{"employeeType":"1"}"#)).unverified(),
            form(FormValue::ListAsText).unverified(),
        ]),
    ),
    row(KITS, &[SingleOrgSync], "orgCode", Id),
    row(KITS, &[SingleOrgSync], "orgName", Text("研发部")),
    row(KITS, &[SingleOrgSync], "flag", FLAG),
    row(KITS, &[SingleOrgSync], "parentCode", PARENT),
    row(
        &[KitV1],
        &[AllOrgSync],
        "orgInfo",
        Forms(&[
            entry("parentCode", &FormValue::Absent),
            entry("parentCode", &FormValue::Text("")),
            entry("parentCode", &FormValue::Text("D0009")),
        ]),
    ),
    row(
        &[KitV2],
        &[AllOrgSync],
        "orgInfoList",
        // A list by the table, text by the sample.
        Forms(&[
            entry("parentCode", &FormValue::Absent),
            entry("parentCode", &FormValue::Text("")),
            entry("parentCode", &FormValue::Text("D0009")),
            form(FormValue::ListAsText).unverified(),
        ]),
    ),
];
