//! Names are searched without regard to case and width, the same on both databases.

use serde_json::{Value as Json, json};

use crate::on_both;
use crate::tables::unit_id;
use crate::writes::call;

const NAMES: [&str; 14] = [
    "ＡＢＣ　Ｔｒａｄｉｎｇ",
    "abc tradings",
    "Émile Straße",
    "E\u{301}lodie Noël",
    "上海测试贸易",
    "测试（上海）",
    "ﾃｽﾄ商会",
    "テスト工業",
    "ŁÓDŹ Textil",
    "ΣΊΣΥΦΟΣ",
    "ΧΆΟΣ A.Ε.",
    "100% Organic",
    "100 Percent",
    "under_score \\ back",
];

/// What is asked, and which of the names it finds, by their numbers.
const SEARCHES: [(&str, &str, &[usize]); 20] = [
    ("eq", "abc trading", &[0]),
    ("eq", "ABC  Trading", &[0]),
    ("startsWith", "ａｂｃ ｔ", &[0, 1]),
    ("contains", "TRADING", &[0, 1]),
    ("contains", "émile", &[2]),
    ("contains", "ÉMILE", &[2]),
    ("contains", "e\u{301}mile", &[2]),
    ("contains", "élodie noël", &[3]),
    ("contains", "STRAßE", &[2]),
    ("contains", "上海", &[4, 5]),
    ("contains", "(上海)", &[5]),
    ("contains", "テスト", &[6, 7]),
    ("contains", "ﾃｽﾄ", &[6, 7]),
    ("startsWith", "łódź", &[8]),
    ("contains", "σίσυφο", &[9]),
    ("contains", "%", &[11]),
    ("startsWith", "100%", &[11]),
    ("contains", "_", &[13]),
    ("contains", "\\", &[13]),
    ("eq", "100_percent", &[]),
];

on_both! {
    async fn names_are_found_however_they_are_written(app) {
        let manager = app.actor("tokyo.manager").await;
        let unit = unit_id(&app, "TOKYO").await;
        for name in NAMES {
            let made = call(&manager, "createCustomer", &json!({ "unitId": unit, "kind": "COMPANY", "name": name })).await;
            assert_eq!(made["name"], name, "the name itself stays as it is written");
        }
        let query =
            "query($filter: CustomerFilter) { customers(filter: $filter, sort: {field: CREATED_AT}, first: 100) { nodes { name } } }";
        for (option, text, hits) in SEARCHES {
            // What the sample group holds is not in question.
            let filter = json!({ "name": { option: text }, "externalRef": { "isNull": true } });
            let answer = manager.ask_with(query, json!({ "filter": filter })).await;
            let found: Vec<&Json> = answer["customers"]["nodes"].as_array().unwrap().iter().map(|node| &node["name"]).collect();
            let wanted: Vec<&str> = hits.iter().map(|at| NAMES[*at]).collect();
            assert_eq!(found, wanted, "{option} {text}");
        }
        let several = json!({ "filter": { "name": { "in": ["ÉMILE STRASSE", "émile straße", "１００％ \
            organic"] }, "externalRef": { "isNull": true } } });
        assert_eq!(manager.ask_with(query, several).await["customers"]["nodes"], json!([{ "name": NAMES[2] }, { "name": NAMES[11] }]));
    }
}
