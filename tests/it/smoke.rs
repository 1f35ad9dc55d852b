//! The main job in one test: a branch gets its customers, HQ gets all, nobody gets a row more.

use serde_json::json;

use crate::on_both;

on_both! {
    async fn branch_region_and_hq_see_their_own(app) {
        let count = |unit: &'static str| format!("SELECT COUNT(*) FROM customer c JOIN org_path p ON p.descendant_id = c.unit_id JOIN org_unit u ON u.id = p.ancestor_id WHERE u.code = '{unit}'");
        for (user, unit) in [("london.manager", "LONDON"), ("overseas.manager", "OVERSEAS"), ("hq.director", "HQ")] {
            let answer = app.actor(user).await.ask("{ customers { totalCount } }").await;
            assert_eq!(answer["customers"]["totalCount"], json!(app.number(&count(unit)).await), "{user}");
        }
        assert_eq!(app.nobody().code("{ customers { totalCount } }", json!({})).await, "UNAUTHENTICATED");
    }
}
