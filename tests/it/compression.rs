//! Compressed answers and compressed requests, and bodies that are small only until they are inflated.

use std::io::{Read, Write};

use brotli::{CompressorWriter, Decompressor};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::{GzEncoder, ZlibEncoder};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value as Json, json};

use crate::app::{Engine, TestApp};
use crate::on_both;
use crate::tables::contents;

const CODINGS: [&str; 4] = ["gzip", "deflate", "br", "zstd"];
const MANY: &str = "{ customers(first: 20) { nodes { id name kind class createdAt } } }";

fn packed(coding: &str, body: &[u8]) -> Vec<u8> {
    match coding {
        "gzip" => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(body).unwrap();
            encoder.finish().unwrap()
        }
        "deflate" => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(body).unwrap();
            encoder.finish().unwrap()
        }
        "br" => {
            let mut encoder = CompressorWriter::new(Vec::new(), 4096, 5, 22);
            encoder.write_all(body).unwrap();
            encoder.into_inner()
        }
        "zstd" => zstd::encode_all(body, 3).unwrap(),
        other => panic!("{other}"),
    }
}

fn unpacked(coding: &str, body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    match coding {
        "gzip" => GzDecoder::new(body).read_to_end(&mut whole).unwrap(),
        "br" => Decompressor::new(body, 4096).read_to_end(&mut whole).unwrap(),
        "zstd" => zstd::Decoder::new(body).unwrap().read_to_end(&mut whole).unwrap(),
        _ => return body.to_vec(),
    };
    whole
}

fn post(app: &TestApp, token: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
    Client::new().post(&app.url).header("content-type", "application/json").bearer_auth(token).body(body)
}

async fn told(request: RequestBuilder) -> (u16, Json) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

on_both! {
    async fn an_answer_comes_in_the_coding_that_the_client_likes_best(app) {
        let token = app.actor("hq.director").await.token.unwrap();
        let body = json!({ "query": MANY }).to_string();
        let plain = post(&app, &token, body.clone()).send().await.unwrap().bytes().await.unwrap();
        assert!(plain.len() > 1024);
        for (accepted, coding) in [
            ("zstd", "zstd"),
            ("br", "br"),
            ("gzip", "gzip"),
            ("gzip, br, zstd", "zstd"),
            ("gzip, deflate, br", "br"),
            ("br;q=1.0, zstd;q=0.5", "br"),
            ("zstd;q=0, gzip;q=0.1", "gzip"),
            ("identity", ""),
            ("compress", ""),
            ("zstd;q=0", ""),
        ] {
            let response = post(&app, &token, body.clone()).header("accept-encoding", accepted).send().await.unwrap();
            let found = response.headers().get("content-encoding").map_or("", |coding| coding.to_str().unwrap()).to_owned();
            assert_eq!(found, coding, "{accepted}");
            let bytes = response.bytes().await.unwrap();
            assert!(coding.is_empty() || bytes.len() * 2 < plain.len(), "{accepted}: {} of {}", bytes.len(), plain.len());
            assert_eq!(unpacked(coding, &bytes), plain, "{accepted}");
        }
        let small = post(&app, &token, json!({ "query": "{ __typename }" }).to_string()).header("accept-encoding", "zstd");
        assert!(small.send().await.unwrap().headers().get("content-encoding").is_none());
    }

    async fn every_answer_says_by_what_it_differs(app) {
        let token = app.actor("hq.director").await.token.unwrap();
        let get = || Client::new().get(&app.url);
        for request in [
            post(&app, &token, json!({ "query": MANY }).to_string()).header("accept-encoding", "zstd"),
            post(&app, &token, "{"),
            post(&app, "x", json!({ "query": MANY }).to_string()),
            get(),
            get().header("accept", "text/html").header("accept-encoding", "gzip"),
            Client::new().put(&app.url),
        ] {
            let response = request.send().await.unwrap();
            let vary: Vec<_> = response.headers().get_all("vary").iter().collect();
            assert_eq!(vary, ["Accept, Accept-Encoding, Accept-Language, Authorization, X-Branchwise-Cost"], "{}", response.status());
        }
    }

    async fn a_request_may_come_compressed(app) {
        let token = app.actor("shanghai.manager").await.token.unwrap();
        let body = json!({ "query": MANY }).to_string();
        let plain = told(post(&app, &token, body.clone())).await;
        assert_eq!(plain.0, 200);
        for coding in CODINGS {
            let request = post(&app, &token, packed(coding, body.as_bytes())).header("content-encoding", coding);
            assert_eq!(told(request).await, plain, "{coding}");
            let other = post(&app, &token, body.clone()).header("content-encoding", coding);
            assert_eq!(told(other).await.0, 400, "{coding}: not compressed at all");
        }
        for unknown in ["compress", "gzip, gzip", "snappy", ""] {
            let refused = post(&app, &token, packed("gzip", body.as_bytes())).header("content-encoding", unknown).send().await.unwrap();
            assert_eq!(refused.headers()["accept-encoding"], "gzip, deflate, br, zstd");
            let (status, body): (u16, Json) = (refused.status().as_u16(), refused.json().await.unwrap());
            assert_eq!((status, &body["errors"][0]["extensions"]["violations"][0]["field"]), (415, &json!("Content-Encoding")), "{unknown}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_is_counted_as_it_is_inflated() {
    let app = TestApp::start(Engine::Sqlite).await.unwrap();
    let token = app.actor("shanghai.manager").await.token.unwrap();
    let before = contents(&app).await;
    let spaces = " ".repeat(64 * 1024 * 1024);
    for coding in CODINGS {
        let bomb = packed(coding, spaces.as_bytes());
        assert!(bomb.len() < 100_000, "{coding}");
        let (status, body) = told(post(&app, &token, bomb).header("content-encoding", coding)).await;
        let extensions = &body["errors"][0]["extensions"];
        assert_eq!((status, &extensions["code"], &extensions["what"]), (413, &json!("COST_LIMIT_EXCEEDED"), &json!("bytes")), "{coding}");
    }
    // A megabyte of members and frames that hold nothing.
    for coding in ["gzip", "zstd"] {
        let nothing = packed(coding, b"");
        let row = nothing.repeat(1_000_000 / nothing.len());
        assert_eq!(told(post(&app, &token, row).header("content-encoding", coding)).await.0, 400, "{coding}");
    }
    let (status, _) = told(post(&app, &token, vec![b'x'; 1024 * 1024 + 1]).header("content-encoding", "gzip")).await;
    assert_eq!(status, 413, "what comes is counted as well");
    assert_eq!(contents(&app).await, before);
}
