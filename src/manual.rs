//! The handbook: chapters without code of their own.

pub mod _1_getting_started {
    #![doc = include_str!("manual/getting_started.md")]
}
pub mod _2_what_happens_once {
    #![doc = include_str!("manual/what_happens_once.md")]
}
pub mod _3_security {
    #![doc = include_str!("manual/security.md")]
}
pub mod _4_deployment {
    #![doc = include_str!("manual/deployment.md")]
}
pub mod _5_troubleshooting {
    #![doc = include_str!("manual/troubleshooting.md")]
}
pub mod _6_metering {
    #![doc = include_str!("manual/metering.md")]
}
pub mod _7_joint_operation {
    #![doc = include_str!("manual/joint_operation.md")]
}
pub mod _8_licenses {
    #![doc = include_str!("manual/licenses.md")]
}
pub mod _9_going_live {
    #![doc = include_str!("manual/going_live.md")]
}
pub mod _10_testing {
    #![doc = include_str!("manual/testing.md")]
}
