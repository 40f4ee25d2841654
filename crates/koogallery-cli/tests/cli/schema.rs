//! `schema`: what it prints is kept in the repository, where servers in other languages find it. Whether it is OpenAPI, and
//! whether servers keep to it, others say: `.ci/schema`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::run;

const FAMILIES: [&str; 9] = [
    "saas-v2",
    "saas-v1",
    "license-online",
    "license-code",
    "license-v1",
    "order-notify",
    "kit-v1",
    "kit-v2",
    "open-api",
];

fn printed(arguments: &[&str]) -> (String, Value) {
    let run = run(&[], &[&["schema"], arguments].concat());
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    let document = serde_json::from_str(&run.out).unwrap();
    (run.out, document)
}

/// `KOOGALLERY_WRITE_OPENAPI=1` writes them.
#[test]
fn the_documents_in_the_repository_are_what_it_prints() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi");
    let writes = std::env::var_os("KOOGALLERY_WRITE_OPENAPI").is_some();
    for family in FAMILIES {
        let (text, _) = printed(&["--family", family]);
        let path = folder.join(format!("{family}.json"));
        if writes {
            fs::write(&path, &text).unwrap();
        }
        assert!(fs::read_to_string(&path).unwrap() == text, "{family}: write it again with KOOGALLERY_WRITE_OPENAPI=1");
    }
    let kept = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let kept: BTreeSet<String> = kept.filter_map(|name| name.strip_suffix(".json").map(str::to_owned)).collect();
    assert_eq!(kept, FAMILIES.map(str::to_owned).into(), "a document without a family");
}

#[test]
fn one_document_has_all_families_on_the_address_given() {
    let (_, document) = printed(&["--address", "https://isv.example.org/a/b/"]);
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    for path in ["/a/b", "/a/b/produceAPI/tenantSync", "/a/b/produceAPI/v2/authSync"] {
        assert!(paths.iter().any(|known| *known == path), "{path} is not among {paths:?}");
    }
    let callbacks = &document["paths"]["/a/b"];
    assert_eq!(callbacks["post"]["servers"][0]["url"], "https://isv.example.org");
    assert_eq!(callbacks["post"]["security"], serde_json::json!([{"signature": []}]), "named once for four families");
    assert_eq!(callbacks["post"]["parameters"].as_array().unwrap().len(), 2, "timestamp and nonce");
    assert_eq!(
        callbacks["post"]["requestBody"]["content"]["application/json"]["schema"]["anyOf"].as_array().unwrap().len(),
        16
    );
    assert_eq!(
        document["paths"]["/api/mkp-openapi-public/global/v1/order/query"]["get"]["servers"].as_array().unwrap().len(),
        3
    );
}

/// Facts of the guides, read there and not in the tables.
#[test]
fn the_documents_say_what_the_guides_say() {
    let (_, saas) = printed(&["--family", "saas-v2"]);
    let created = &saas["components"]["schemas"]["SaasV2NewInstance"];
    assert_eq!(created["required"], serde_json::json!(["activity", "orderId", "orderLineId", "businessId"]));
    assert_eq!(created["properties"]["orderId"]["maxLength"], 64);
    assert!(created.get("additionalProperties").is_none(), "the marketplace may send more one day");
    let answer = &saas["components"]["schemas"]["SaasV2NewInstanceAnswer"]["anyOf"][0];
    assert_eq!(answer["properties"]["resultCode"]["enum"], serde_json::json!(["000000", "000004"]));
    assert_eq!(answer["additionalProperties"], false);

    let (_, kit) = printed(&["--family", "kit-v1"]);
    let header = &kit["paths"]["/saasproduce/produceAPI/authSync"]["post"]["responses"]["200"]["headers"]["Body-Sign"];
    assert_eq!(header["required"], true);

    let (_, open_api) = printed(&["--family", "open-api"]);
    let push = &open_api["components"]["schemas"]["PushUsage"]["properties"]["usage_records"];
    assert_eq!(
        (&push["maxItems"], &push["items"]["properties"]["usage_value"]["type"]),
        (&1000.into(), &"string".into())
    );
}

#[test]
fn no_sentence_speaks_of_rust() {
    for family in FAMILIES {
        let (text, _) = printed(&["--family", family]);
        for part in ["crate::", "`](", "[`", "Self::", "`None`", "`Some"] {
            assert!(!text.contains(part), "{family}: {part} stands in it");
        }
    }
}

#[test]
fn what_it_does_not_know_is_refused() {
    run(&[], &["schema", "--family", "saas-v3"]).says(2, "there is no family \"saas-v3\"; there are saas-v2, ");
    run(&[], &["schema", "--address", "isv.example.com"]).says(2, "not of the form https://host/path");
    run(&[], &["schema", "--address", "https://isv.example.com/a?b=c"]).says(2, "not of the form https://host/path");
}
