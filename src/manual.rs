//! The handbook: chapters without code of their own. 中文手册见 [`zh`]。

/// Declares the chapters in both languages, some with a picture at the end, which `docs/pictures/make.py` draws. Links stand in a
/// file of their own. It comes first, so that it counts: chapters end with links to each other's files, for reading them as they
/// are.
macro_rules! chapters {
    ($($name:ident = $file:literal $(with $picture:literal)?;)*) => {
        $(pub mod $name {
            #![doc = include_str!("manual/links.md")]
            //!
            #![doc = include_str!(concat!("manual/", $file, ".md"))]
            $(
                //!
                #![doc = include_str!(concat!("manual/pictures/", $picture, ".en.svg"))]
            )?
        })*

        /// 手册的中文版：章节与示例同英文版，示例代码由英文版测试。
        pub mod zh {
            $(pub mod $name {
                #![doc = include_str!("manual/links.md")]
                //!
                #![doc = include_str!(concat!("manual/zh/", $file, ".md"))]
                $(
                    //!
                    #![doc = include_str!(concat!("manual/pictures/", $picture, ".zh.svg"))]
                )?
            })*
        }
    };
}

chapters! {
    _01_getting_started = "getting_started" with "call";
    _02_existing_apps = "existing_apps";
    _03_saas_v2 = "saas_v2" with "life";
    _04_saas_v1 = "saas_v1";
    _05_joint_operation = "joint_operation";
    _06_licenses = "licenses";
    _07_order_notification = "order_notification";
    _08_what_happens_once = "what_happens_once" with "retries";
    _09_deployment = "deployment";
    _10_front_doors = "front_doors";
    _11_replicas = "replicas";
    _12_key_rotation = "key_rotation";
    _13_metering = "metering";
    _14_testing = "testing";
    _15_going_live = "going_live";
    _16_troubleshooting = "troubleshooting";
    _17_migration = "migration";
    _18_security = "security";
    _19_threat_model = "threat_model";
    _20_glossary = "glossary";
}
