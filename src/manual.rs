//! The handbook: chapters without code of their own. 中文手册见 [`zh`]。

/// Declares the chapters in both languages. Links stand in a file of their own, so that chapters can be read as they are.
macro_rules! chapters {
    ($($name:ident = $file:literal;)*) => {
        $(pub mod $name {
            #![doc = include_str!(concat!("manual/", $file, ".md"))]
            //!
            #![doc = include_str!("manual/links.md")]
        })*

        /// 手册的中文版：章节与示例同英文版，示例代码由英文版测试。
        pub mod zh {
            $(pub mod $name {
                #![doc = include_str!(concat!("manual/zh/", $file, ".md"))]
                //!
                #![doc = include_str!("manual/links.md")]
            })*
        }
    };
}

chapters! {
    _1_getting_started = "getting_started";
    _2_what_happens_once = "what_happens_once";
    _3_security = "security";
    _4_deployment = "deployment";
    _5_troubleshooting = "troubleshooting";
    _6_metering = "metering";
    _7_joint_operation = "joint_operation";
    _8_licenses = "licenses";
    _9_going_live = "going_live";
    _10_testing = "testing";
    _11_front_doors = "front_doors";
}
