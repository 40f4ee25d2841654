//! Licenses that are uploaded, and deployed objects.

use bytes::Bytes;
use http::Request;
use koogallery::open_api::query_deployed_objects;
use koogallery::open_api::upload::{self, Streamed};
use koogallery_simulator::{Deployment, Upload};

use super::Stage;

#[tokio::test]
async fn a_license_is_delivered_for_its_event() {
    let stage = Stage::new();
    stage.open_api.open_license_application("e1");
    stage.open_api.open_license_application("e2");
    stage.open_api.open_license_application("e3");
    stage.open_api.deny_license_application("e4");
    let text = || upload::Request::characters("e1", "LICENSE ß");
    stage.call(text()).await.unwrap();
    assert_eq!(stage.open_api.upload("e1"), Some(Upload::Characters("LICENSE ß".to_owned())));
    stage.call(text()).await.unwrap();
    assert_eq!(stage.refusal(upload::Request::characters("e1", "another")).await, "91381038");
    assert_eq!(stage.refusal(upload::Request::characters("e4", "denied")).await, "91381038");
    assert_eq!(stage.refusal(upload::Request::characters("e5", "nobody's")).await, "91381034");
    assert_eq!(stage.refusal(upload::Request::characters("e2", "x".repeat(1025))).await, "CBC.0101");

    let bytes = Bytes::from_static(b"\r\n--koogallery\r\n\0\xff");
    let file = || Some(Upload::File { name: "a \"b\".lic".replace('"', "%22"), bytes: bytes.clone() });
    stage.call(upload::Request::file("e2", "a %22b%22.lic", bytes.clone())).await.unwrap();
    assert_eq!(stage.open_api.upload("e2"), file());
    let streamed = Streamed::prepare("e3", "a %22b%22.lic", bytes.clone()).await.unwrap();
    stage.client.upload(&streamed).await.unwrap();
    assert_eq!(stage.open_api.upload("e3"), file());
    assert!(!format!("{:?}", stage.open_api.upload("e1")).contains("LICENSE"));
}

#[test]
fn bodies_of_another_form_are_refused() {
    let stage = Stage::new();
    stage.open_api.open_license_application("e1");
    let part =
        |head: &str, content: &str| format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n");
    let json = |content: &str| part("name=\"isvUpdateFileReq\"", content);
    let file = part("name=\"file\"; filename=\"x.lic\"", "abc");
    let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let right = json(&format!(r#"{{"type":"FILE","sha256":"{sha256}"}}"#));
    let post = |content_type: &str, body: &str| {
        let url = "https://mkt.myhuaweicloud.com/api/mkp-openapi-public/global/v1/market-event/e1/file";
        let (status, answer) =
            stage.signed(Request::post(url).header("content-type", content_type).body(body).unwrap());
        (status, answer["error_code"].as_str().unwrap().to_owned())
    };
    let multipart = "multipart/form-data; boundary=b";
    for (content_type, body) in [
        ("application/json", format!("{file}{right}--b--\r\n")),
        (multipart, String::new()),
        (multipart, format!("{file}{right}")),
        (multipart, format!("{file}--b--\r\n")),
        (multipart, format!("{right}--b--\r\n")),
        (multipart, format!("{file}{}--b--\r\n", json("{"))),
        (multipart, format!("{file}{}--b--\r\n", json(r#"{"type":"FILE"}"#))),
        (multipart, format!("{file}{}--b--\r\n", json(r#"{"type":"FILE","sha256":"00"}"#))),
        (multipart, format!("{}--b--\r\n", json(r#"{"type":"CHARACTERS"}"#))),
        (multipart, format!("{}--b--\r\n", json(r#"{"type":"OTHER"}"#))),
    ] {
        assert_eq!(post(content_type, &body), (400, "CBC.0101".to_owned()), "{body}");
    }
    assert!(stage.open_api.upload("e1").is_none());
    // As the documents print it: the name of the file in the part alone.
    assert_eq!(post(multipart, &format!("{file}{right}--b--\r\n")), (200, "CBC.0000".to_owned()));
}

#[tokio::test]
async fn deployed_objects_are_answered() {
    let stage = Stage::new();
    for version in ["1.0", "1.1"] {
        let mut object = Deployment::new("asset-1", "image", version, "cn-north-4");
        object.image = vec![("image_id".to_owned(), format!("image-{version}"))];
        stage.open_api.add_deployment(object);
    }
    let query = || query_deployed_objects::Request::new("asset-1", "image");
    let found = stage.call(query()).await.unwrap();
    assert_eq!(found.len(), 1);
    let image = found[0].image_deployed_object.as_ref().unwrap();
    assert_eq!(image.image_id.as_deref(), Some("image-1.1"));
    let mut all = query();
    all.query_all = Some(true);
    assert_eq!(stage.call(all).await.unwrap().len(), 2);
    let mut elsewhere = query();
    elsewhere.region = Some("eu-west-101".to_owned());
    assert!(stage.call(elsewhere).await.unwrap().is_empty());
    assert_eq!(stage.refusal(query_deployed_objects::Request::new("asset-1", "")).await, "MKT.0101");
}
