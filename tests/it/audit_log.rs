//! The audit, for whoever audits a unit: rows by the unit that they tell, values by what the auditor sees of the record today. Threats 5,
//! 10, 27, 31 and 54.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::app::{Actor, TestApp};
use crate::history::{Kept, keep};
use crate::on_both;
use crate::raw::{global, invented, sql_id};
use crate::tables::{allow, audits, customer_id, refusals, unit_id, user_id, uuid_of};
use crate::writes::call;

const ENTRY: &str = "id at action recordType recordId unit { code } actorId actorName actor { name } onBehalfOf reason \
                     changes { field before after beforeHidden afterHidden }";

/// The newest rows of the audit that fulfil a filter.
async fn log(actor: &Actor<'_>, filter: &Json) -> Vec<Json> {
    let query = format!("query($filter: AuditFilter) {{ auditLog(first: 100, filter: $filter) {{ totalCount nodes {{ {ENTRY} }} }} }}");
    let answer = actor.ask_with(&query, json!({ "filter": filter })).await;
    let nodes = answer["auditLog"]["nodes"].as_array().unwrap().clone();
    let total = usize::try_from(answer["auditLog"]["totalCount"].as_u64().unwrap()).unwrap();
    assert_eq!(total.min(100), nodes.len(), "a total counts what can be paged through");
    nodes
}

/// Somebody who audits one branch and reads nothing else there.
async fn branch_auditor(app: &TestApp) -> Actor<'_> {
    app.execute("INSERT INTO role (code, title) VALUES ('branch_auditor', 'Branch auditor')").await;
    app.execute("DELETE FROM post WHERE user_id = (SELECT id FROM user_account WHERE username = 'pudong.rep1')").await;
    app.give_post("pudong.rep1", "branch_auditor", "SHANGHAI", 1, None).await;
    allow(app, "branch_auditor", "audit", "read", "SUBTREE").await;
    app.actor("pudong.rep1").await
}

async fn is_about(app: &TestApp, kind: &str, at: i64, record: Uuid, unit: Option<Uuid>, changes: Json) -> Uuid {
    let actor = Some((app.user("hq.steward").await, "Nadia Kowalski"));
    keep(app, at, Kept { kind, record, unit, action: &format!("{kind}:update"), actor, changes }).await
}

on_both! {
    async fn rows_are_those_of_the_units_audited(app) {
        let (shanghai, pudong) = (app.unit("SHANGHAI").await, app.unit("SHANGHAI-PUDONG").await);
        let (london, hangzhou) = (app.unit("LONDON").await, app.unit("HANGZHOU").await);
        let mut ids = Vec::new();
        for (at, unit) in [Some(shanghai), Some(pudong), Some(london), Some(hangzhou), None].into_iter().enumerate() {
            ids.push(is_about(&app, "customer", i64::try_from(at).unwrap(), Uuid::nil(), unit, json!({})).await);
        }
        let newest = json!({ "at": { "gte": "2090-01-01T00:00:00Z" } });
        let seen = async |actor: &Actor<'_>| -> BTreeSet<Uuid> { log(actor, &newest).await.iter().map(|row| uuid_of(&row["id"])).collect() };
        let set = |which: &[usize]| -> BTreeSet<Uuid> { which.iter().map(|at| ids[*at]).collect() };
        assert_eq!(seen(&app.actor("hq.auditor").await).await, set(&[0, 1, 2, 3, 4]));
        assert_eq!(seen(&branch_auditor(&app).await).await, set(&[0, 1]));
        allow(&app, "region_credit", "audit", "read", "REGION").await;
        assert_eq!(seen(&app.actor("east.credit").await).await, set(&[0, 1, 3]), "a region, which audit rows do not carry");
        allow(&app, "service_agent", "audit", "read", "UNIT").await;
        assert_eq!(seen(&app.actor("shanghai.service").await).await, set(&[0]));
        assert_eq!(seen(&app.actor("beijing.rep1").await).await, set(&[]), "audits Tianjin");
        allow(&app, "sales_rep", "audit", "read", "SELF").await;
        // Nobody owns an audit row: that is no right at all.
        for user in ["shanghai.rep1", "shanghai.manager", "hq.director", "hq.admin", "hq.steward"] {
            let actor = app.actor(user).await;
            for id in [global("Customer", app.customer("SH-0003").await), invented("Customer")] {
                let query = "query($id: ID) { auditLog(filter: {recordId: $id}) { totalCount } }";
                assert_eq!(actor.code(query, json!({ "id": id })).await, "FORBIDDEN", "{user}");
            }
        }
        // A deny takes it away again.
        app.add_rule(["group_auditor", "audit", "read", "*", "*", "deny"]).await;
        app.rights_changed().await;
        assert_eq!(app.actor("hq.auditor").await.code("{ auditLog { totalCount } }", json!({})).await, "FORBIDDEN");
    }

    async fn values_are_those_that_the_auditor_sees_on_the_record(app) {
        let id = customer_id(&app, "SH-0003", "SHANGHAI").await;
        let manager = app.actor("shanghai.manager").await;
        call(&manager, "updateCustomer", &json!({ "id": id, "name": "Renamed", "phone": "13911112222", "industry": "Toys" })).await;
        let about = json!({ "recordId": id });
        // The group's auditor reads cards.
        let auditor = app.actor("hq.auditor").await;
        let row = log(&auditor, &about).await[0].clone();
        assert_eq!((&row["action"], &row["recordType"], &row["recordId"]), (&json!("customer:update"), &json!("CUSTOMER"), &id));
        assert_eq!((&row["unit"]["code"], &row["actorName"]), (&json!("SHANGHAI"), &json!("周海涛")));
        assert_eq!(row["actorId"], user_id(&app, "shanghai.manager").await);
        assert_eq!(row["changes"].as_array().unwrap().len(), 1, "{row}");
        assert_eq!((&row["changes"][0]["field"], &row["changes"][0]["after"]), (&json!("name"), &json!("Renamed")));
        // The branch's auditor reads no customers: who, when and what, and nothing of the record.
        let branch = branch_auditor(&app).await;
        let rows = log(&branch, &json!({ "action": { "eq": "customer:update" } })).await;
        assert_eq!(rows.len(), 1);
        assert_eq!((&rows[0]["recordId"], &rows[0]["changes"], &rows[0]["actorName"]), (&Json::Null, &json!([]), &json!("周海涛")));
        assert!(!rows[0].to_string().contains("Renamed"));
        // With a right to read, at the level of that right.
        allow(&app, "branch_auditor", "customer", "read", "SUBTREE").await;
        let row = log(&branch, &about).await[0].clone();
        assert_eq!((row["changes"].as_array().unwrap().len(), &row["recordId"]), (3, &id));
        // Moved away it is out of sight: what was done in Shanghai stays in Shanghai's audit, without a value.
        let (sql, london) = (crate::raw::sql_id(app.engine, uuid_of(&id)), crate::raw::sql_id(app.engine, app.unit("LONDON").await));
        app.execute(&format!("UPDATE customer SET unit_id = {london}, region_id = NULL WHERE id = {sql}")).await;
        let rows = log(&branch, &json!({ "action": { "eq": "customer:update" } })).await;
        assert_eq!((&rows[0]["recordId"], &rows[0]["changes"]), (&Json::Null, &json!([])));
        assert_eq!(log(&branch, &about).await, Vec::<Json>::new());
    }

    async fn of_users_and_posts_values_are_for_whoever_administers_them(app) {
        let (user, shanghai) = (app.user("shanghai.rep1").await, app.unit("SHANGHAI").await);
        let post = app.id(&format!("SELECT id FROM post WHERE user_id = {}", crate::raw::sql_id(app.engine, user))).await;
        is_about(&app, "user", 1, user, Some(shanghai), json!({ "name": ["A", "B"], "email": ["a@x.com", "b@x.com"] })).await;
        is_about(&app, "post", 2, post, Some(shanghai), json!({ "role": ["x", "y"], "unitId": [null, shanghai] })).await;
        is_about(&app, "role", 3, Uuid::nil(), Some(shanghai), json!({ "title": ["x", "y"] })).await;
        is_about(&app, "customer", 4, Uuid::nil(), Some(shanghai), json!({ "identityNumber": { "lookups": 3 } })).await;
        let newest = json!({ "at": { "gte": "2090-01-01T00:00:00Z" } });
        let fields = |row: &Json| row["changes"].as_array().unwrap().iter().map(|change| change["field"].to_string()).collect::<Vec<_>>();
        for (actor, of_user, of_post) in [(branch_auditor(&app).await, 1, 0), (app.actor("hq.auditor").await, 1, 0)] {
            let rows = log(&actor, &newest).await;
            let counts: Vec<usize> = rows.iter().map(|row| fields(row).len()).collect();
            assert_eq!(counts, [0, 0, of_post, of_user], "{rows:?}");
            assert_eq!(fields(&rows[3]), ["\"name\""]);
            assert_eq!((&rows[2]["recordId"], rows[3]["recordId"].is_string()), (&Json::Null, true));
        }
        allow(&app, "branch_auditor", "organisation", "administer", "UNIT").await;
        let rows = log(&app.actor("pudong.rep1").await, &newest).await;
        let counts: Vec<usize> = rows.iter().map(|row| fields(row).len()).collect();
        assert_eq!(counts, [0, 0, 2, 2], "{rows:?}");
        assert_eq!(rows[2]["recordId"], global("Post", post));
    }

    async fn what_is_done_to_somebody_is_told_where_they_work(app) {
        let shanghai = branch_auditor(&app).await;
        app.give_post("london.rep1", "branch_auditor", "LONDON", 1, None).await;
        app.rights_changed().await;
        let (london, admin) = (app.actor("london.rep1").await, app.actor("hq.admin").await);
        let ends = app.clock.now().plus_seconds(86_400).rfc3339();
        let lender = app.actor("shanghai.rep1").await;
        let post = lender.ask("{ viewer { posts { id } } }").await["viewer"]["posts"][0]["id"].take();
        let lent = json!({ "postId": post, "delegateId": user_id(&app, "shanghai.service").await, "level": "CARD", "validTo": ends,
            "actions": [{ "resource": "CUSTOMER", "action": "READ" }] });
        let lend = "mutation($input: LendInput!) { lend(input: $input) { delegation { id } } }";
        let delegation = lender.ask_with(lend, json!({ "input": lent })).await["lend"]["delegation"]["id"].take();
        let id = user_id(&app, "shanghai.rep2").await;
        let update = "mutation($input: UpdateUserInput!) { updateUser(input: $input) { user { id } } }";
        admin.ask_with(update, json!({ "input": { "id": id, "name": "Somebody Else" } })).await;
        admin.ask_with("mutation($id: ID!) { disableUser(input: {id: $id}) { user { id } } }", json!({ "id": id })).await;
        admin.ask_with("mutation($id: ID!) { endDelegation(input: {id: $id}) { delegation { id } } }", json!({ "id": delegation })).await;
        for (about, rows) in [
            (json!({ "recordType": ["USER"], "actorId": { "eq": user_id(&app, "hq.admin").await } }), 2),
            (json!({ "recordType": ["DELEGATION"], "action": { "eq": "delegation:end" } }), 1),
        ] {
            let seen = log(&shanghai, &about).await;
            assert!(seen.len() == rows && seen.iter().all(|row| row["unit"]["code"] == "SHANGHAI"), "{about}: {seen:?}");
            assert_eq!(log(&london, &about).await, Vec::<Json>::new(), "{about}");
            assert_eq!(log(&app.actor("hq.auditor").await, &about).await.len(), rows, "{about}");
        }
    }

    async fn filters_tell_nothing_of_records_out_of_sight(app) {
        let shanghai = app.unit("SHANGHAI").await;
        let branch = branch_auditor(&app).await;
        let hidden = [
            ("customer", "Customer", app.customer("SH-0003").await),
            ("contact", "Contact", app.contact("SH-0003").await),
            ("org_unit", "OrgUnit", app.unit("LONDON").await),
            ("user", "User", app.user("london.rep1").await),
            ("post", "Post", app.id("SELECT id FROM post WHERE role = 'supervisor'").await),
        ];
        let query = format!(
            "query($id: ID) {{ auditLog(filter: {{recordId: $id}}) {{ totalCount nodes {{ {ENTRY} }} pageInfo {{ hasNextPage endCursor }} }} }}"
        );
        for (kind, name, record) in hidden {
            // Rows of these records stand in the audited unit, so that nothing but the record's own rule hides them.
            is_about(&app, kind, 1, record, Some(shanghai), json!({ "name": ["a", "b"] })).await;
            let never = branch.bytes(&query, &json!({ "id": invented(name) })).await;
            assert!(never.body.contains("\"totalCount\":0"), "{}", never.body);
            assert_eq!(branch.bytes(&query, &json!({ "id": global(name, record) })).await, never, "{kind}");
        }
        assert_eq!(log(&branch, &json!({ "at": { "gte": "2090-01-01T00:00:00Z" } })).await.len(), 5, "they are in the audit all the same");
        let auditor = app.actor("hq.auditor").await;
        assert_eq!(log(&auditor, &json!({ "recordId": global("Customer", hidden[0].2) })).await.len(), 2);
        for wrong in ["x", "", &global("Role", Uuid::nil()), &global("AuditEntry", Uuid::nil())] {
            let error = auditor.fail(&query, json!({ "id": wrong })).await;
            assert_eq!(error["extensions"]["violations"][0]["field"], "filter.recordId", "{wrong}");
        }
    }

    async fn filters_narrow(app) {
        let auditor = app.actor("hq.auditor").await;
        let manager = app.actor("shanghai.manager").await;
        let id = customer_id(&app, "SH-0003", "SHANGHAI").await;
        call(&manager, "updateCustomer", &json!({ "id": id, "name": "One" })).await;
        call(&manager, "archiveCustomer", &json!({ "id": id })).await;
        let me = user_id(&app, "shanghai.manager").await;
        assert_eq!(log(&auditor, &json!({ "actorId": { "eq": me } })).await.len(), 2);
        assert_eq!(log(&auditor, &json!({ "actorId": { "eq": me }, "action": { "eq": "customer:archive" } })).await.len(), 1);
        assert_eq!(log(&auditor, &json!({ "recordId": id })).await.len(), 3);
        assert!(log(&auditor, &json!({ "recordType": ["ORG_UNIT"] })).await.iter().all(|row| row["recordType"] == "ORG_UNIT"));
        assert_eq!(log(&auditor, &json!({ "recordType": ["SESSION", "ROLE"] })).await.len(), 0);
        let rows = log(&auditor, &json!({ "actorId": { "isNull": true } })).await;
        assert!(rows.len() > 50 && rows.iter().all(|row| row["reason"] == "operator"));
        let at = log(&auditor, &json!({ "recordId": id })).await[1]["at"].clone();
        let later = log(&auditor, &json!({ "at": { "gte": at } })).await.len();
        assert_eq!(later, 2);
        assert_eq!(log(&auditor, &json!({ "at": { "gte": at, "lt": at } })).await.len(), 0);
        let many = vec![json!("x"); 201];
        assert_eq!(auditor.code("query($f: AuditFilter) { auditLog(filter: $f) { totalCount } }", json!({ "f": { "action": { "in": many } } })).await, "BAD_USER_INPUT");
    }

    async fn pages_walk_the_whole_audit(app) {
        let auditor = app.actor("hq.auditor").await;
        let total = audits(&app).await.len();
        let query = "query($at: String) { auditLog(first: 70, after: $at) { totalCount nodes { id at } pageInfo { hasNextPage endCursor } } }";
        let (mut seen, mut at, mut moments) = (BTreeSet::new(), Json::Null, Vec::new());
        loop {
            let page = auditor.ask_with(query, json!({ "at": at })).await["auditLog"].take();
            assert_eq!(page["totalCount"], total);
            for node in page["nodes"].as_array().unwrap() {
                assert!(seen.insert(node["id"].to_string()), "twice: {node}");
                moments.push(node["at"].as_str().unwrap().to_owned());
            }
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
            at = page["pageInfo"]["endCursor"].clone();
        }
        assert_eq!(seen.len(), total);
        let parsed: Vec<time::OffsetDateTime> =
            moments.iter().map(|at| time::OffsetDateTime::parse(at, &time::format_description::well_known::Rfc3339).unwrap()).collect();
        assert!(parsed.is_sorted_by(|one, next| one >= next), "newest first");
        assert_eq!(branch_auditor(&app).await.code(query, json!({ "at": at })).await, "BAD_USER_INPUT", "a cursor of somebody else's");
    }

    async fn refusals_leave_one_row_a_request(app) {
        let service = app.actor("shanghai.service").await;
        let me = app.user("shanghai.service").await;
        let id = customer_id(&app, "SH-0003", "SHANGHAI").await;
        let update = "mutation Secret($id: ID!) { mine: updateCustomer(input: {id: $id, name: \"Secret name\"}) { customer { id } }
            createContact(input: {customerId: $id, name: \"Secret name\"}) { contact { id } } }";
        assert_eq!(service.send(update, json!({ "id": id })).await.body["errors"].as_array().unwrap().len(), 1);
        let manager = app.actor("shanghai.manager").await;
        let foreign = global("Customer", app.customer("LN-0001").await);
        assert_eq!(manager.code("mutation($id: ID!) { archiveCustomer(input: {id: $id}) { customer { id } } }", json!({ "id": foreign })).await, "NOT_FOUND");
        assert_eq!(service.code("{ customers(filter: {phone: {eq: \"13800138017\"}}) { totalCount } }", json!({})).await, "FORBIDDEN");
        assert_eq!(
            refusals(&app).await,
            [
                (Some(me), json!({ "denied": [{ "path": "updateCustomer", "code": "FORBIDDEN" }] })),
                (Some(app.user("shanghai.manager").await), json!({ "denied": [{ "path": "archiveCustomer", "code": "NOT_FOUND" }] })),
                (Some(me), json!({ "denied": [{ "path": "customers", "code": "FORBIDDEN" }] })),
            ]
        );
        // Null for a row out of reach, a wrong input and a stale version are no refusals; and nobody has no name.
        let before = refusals(&app).await.len();
        manager.ask_with("query($id: ID!) { customer(id: $id) { name } node(id: $id) { id } }", json!({ "id": foreign })).await;
        assert_eq!(manager.code("mutation { archiveCustomer(input: {id: \"x\"}) { customer { id } } }", json!({})).await, "BAD_USER_INPUT");
        let stale = "mutation($id: ID!) { updateCustomer(input: {id: $id, expectedVersion: 99, name: \"x\"}) { customer { id } } }";
        assert_eq!(manager.code(stale, json!({ "id": id })).await, "CONFLICT");
        assert_eq!(app.nobody().code("{ viewer { id } }", json!({})).await, "UNAUTHENTICATED");
        assert_eq!(refusals(&app).await.len(), before);
        // They are read in the audit, by whoever audits the actor's unit.
        let rows = log(&branch_auditor(&app).await, &json!({ "recordType": ["REQUEST"] })).await;
        assert_eq!(rows.len(), 3);
        assert_eq!((&rows[0]["action"], &rows[0]["actorName"], &rows[0]["recordId"]), (&json!("request:denied"), &json!("吴婷婷"), &Json::Null));
        assert_eq!((&rows[2]["changes"][0]["field"], &rows[2]["changes"][0]["after"]), (&json!("updateCustomer"), &json!("FORBIDDEN")));
        assert!(!json!(rows).to_string().contains("Secret name"));
    }

    async fn refusals_are_bounded(app) {
        let service = app.actor("shanghai.service").await;
        let mut fields: Vec<String> = (0..40).map(|at| format!("f{at}: customers(filter: {{phone: {{eq: \"{at}\"}}}}) {{ totalCount }}")).collect();
        service.send(&format!("{{ {} }}", fields.join(" ")), json!({})).await;
        let (_, told) = refusals(&app).await.pop().unwrap();
        assert_eq!((told["denied"].as_array().unwrap().len(), &told["leftOut"]), (1, &Json::Null), "a non-null field ends the answer at its first error");
        let id = customer_id(&app, "SH-0003", "SHANGHAI").await;
        let many: Vec<String> = (0..40).map(|at| format!("f{at}: customer(id: {id}) {{ name }}")).collect();
        app.execute(&format!("UPDATE post SET valid_to = 1 WHERE user_id = {}", sql_id(app.engine, app.user("shanghai.rep2").await))).await;
        app.rights_changed().await;
        let answer = app.actor("shanghai.rep2").await.send(&format!("{{ {} }}", many.join(" ")), json!({})).await;
        assert_eq!(answer.body["errors"].as_array().unwrap().len(), 40, "{}", answer.body);
        let (_, told) = refusals(&app).await.pop().unwrap();
        assert_eq!((told["denied"].as_array().unwrap().len(), &told["leftOut"]), (20, &json!(20)));
        fields.truncate(1);
        // More than two minutes' worth: a minute that turns meanwhile lets thirty more through.
        for _ in 0..99 {
            assert_eq!(service.code(&format!("{{ {} }}", fields[0]), json!({})).await, "FORBIDDEN", "each is refused all the same");
        }
        let rows = refusals(&app).await;
        assert!((32..=63).contains(&rows.len()), "{}", rows.len());
        assert!(rows.iter().any(|(_, told)| told["leftOut"] == "the rest of the minute"), "a row says that the rest is left out");
        // Others are not silenced by it.
        let before = rows.len();
        assert_eq!(app.actor("shanghai.care").await.code(&format!("{{ {} }}", fields[0]), json!({})).await, "FORBIDDEN");
        assert_eq!(refusals(&app).await.len(), before + 1);
    }

    async fn every_mutation_is_told(app) {
        let (unit, customer) = (unit_id(&app, "SHANGHAI").await, customer_id(&app, "SH-0003", "SHANGHAI").await);
        let (contact, owner) = (crate::tables::contact_id(&app, "SH-0003", "SHANGHAI").await, user_id(&app, "shanghai.rep2").await);
        let one = async |sql: &str| app.id(&format!("SELECT id FROM {sql}")).await;
        let post = global("Post", one("post WHERE user_id = (SELECT id FROM user_account WHERE username = 'shanghai.rep2')").await);
        let rule = global("PolicyRule", one("policy_rule WHERE role = 'supervisor' AND action = 'report'").await);
        let (manager, admin) = ("shanghai.manager", "hq.admin");
        let administer = "organisation:administer";
        let first_post = json!({ "role": "sales_rep", "unitId": unit });
        let export = json!({ "role": "supervisor", "resource": "CUSTOMER", "action": "EXPORT", "reach": "UNIT", "level": "FULL" });
        // Who may, what is kept, of how many records.
        let calls = [
            ("createCustomer", manager, "customer:create", 1, json!({ "unitId": unit, "kind": "PERSON", "name": "New" })),
            ("updateCustomer", manager, "customer:update", 1, json!({ "id": customer, "name": "Renamed" })),
            ("assignCustomer", manager, "customer:assign", 1, json!({ "id": customer, "ownerId": owner })),
            ("archiveCustomer", manager, "customer:archive", 1, json!({ "id": customer })),
            ("restoreCustomer", manager, "customer:archive", 1, json!({ "id": customer })),
            ("revealField", manager, "customer:reveal", 1, json!({ "id": customer, "field": "identityNumber", "reason": "To call back" })),
            ("createContact", manager, "contact:create", 1, json!({ "customerId": customer, "name": "New" })),
            ("updateContact", manager, "contact:update", 1, json!({ "id": contact, "name": "Renamed" })),
            ("archiveContact", manager, "contact:archive", 1, json!({ "id": contact })),
            ("restoreContact", manager, "contact:archive", 1, json!({ "id": contact })),
            ("createUser", admin, administer, 2, json!({ "username": "new.one", "name": "New", "post": first_post })),
            ("updateUser", admin, administer, 1, json!({ "id": owner, "name": "Renamed" })),
            ("disableUser", admin, administer, 1, json!({ "id": owner })),
            ("enableUser", admin, administer, 1, json!({ "id": owner })),
            ("givePost", admin, administer, 1, json!({ "userId": owner, "role": "supervisor", "unitId": unit })),
            ("changePost", admin, administer, 1, json!({ "id": post, "validTo": "2090-01-01T00:00:00Z" })),
            ("endPost", admin, administer, 1, json!({ "id": post })),
            ("createRole", admin, administer, 1, json!({ "code": "new_role", "title": "New" })),
            ("updateRole", admin, administer, 1, json!({ "code": "new_role", "title": "Newer" })),
            ("deleteRole", admin, administer, 1, json!({ "code": "new_role" })),
            ("addPolicyRule", admin, administer, 1, export),
            ("removePolicyRule", admin, administer, 1, json!({ "id": rule })),
        ];
        // The one that leaves nothing where it succeeds: several times an hour, of a session whose start and end are told.
        let told_not_at_all = ["refreshSession"];
        // Signing in and what else has tests of its own for what it leaves.
        let told_elsewhere = [
            "signIn", "lend", "endDelegation", "createOrgUnit", "updateOrgUnit", "archiveOrgUnit", "restoreOrgUnit", "moveOrgUnit", "cancelPlannedMove",
            "signOut", "signOutEverywhere", "endSession", "changePassword", "createPasswordLink", "setPassword", "applyOperations",
        ];
        let schema = app.actor(manager).await.ask("{ __schema { mutationType { fields { name args { name type { ofType { name } } } } } } }").await;
        let fields = schema["__schema"]["mutationType"]["fields"].as_array().unwrap();
        for field in fields {
            let name = field["name"].as_str().unwrap();
            let elsewhere = told_elsewhere.contains(&name) || told_not_at_all.contains(&name);
            assert!(elsewhere || calls.iter().any(|(known, ..)| *known == name), "{name}: what does the audit keep of it?");
        }
        for (name, who, action, records, input) in &calls {
            let field = fields.iter().find(|field| field["name"] == *name).unwrap();
            let input_type = field["args"][0]["type"]["ofType"]["name"].as_str().unwrap();
            let document = |selected: &str| format!("mutation($input: {input_type}!) {{ {name}(input: $input) {{ {selected} }} }}");
            // What is refused: one row, of the request.
            let refused = refusals(&app).await.len();
            let other = if *who == manager { admin } else { manager };
            let code = app.actor(other).await.code(&document("__typename"), json!({ "input": input })).await;
            assert_eq!((code.as_str(), refusals(&app).await.len()), ("FORBIDDEN", refused + 1), "{name}");
            let before = audits(&app).await;
            app.actor(who).await.ask_with(&document("__typename"), json!({ "input": input })).await;
            let mut after = crate::tables::audits_since(&app, &before).await;
            // Disabling ends sessions, each with a row of its own.
            after.retain(|row| !row.action.starts_with("session:"));
            assert_eq!(after.len(), *records, "{name}: {after:?}");
            // Roles and the policy stand at no unit: they are told at HQ.
            let at_hq = name.contains("Role") || name.contains("Policy");
            let place = if at_hq { app.unit("HQ").await } else { uuid_of(&unit) };
            let actor = Some(app.user(who).await);
            for row in after {
                assert_eq!((row.action.as_str(), row.unit, row.actor), (*action, Some(place), actor), "{name}");
            }
        }
    }

    async fn a_page_takes_as_many_statements_for_any_number_of_rows(app) {
        let auditor = app.actor("hq.auditor").await;
        let manager = app.actor("shanghai.manager").await;
        for number in 0..60 {
            let id = customer_id(&app, &format!("SH-00{:02}", number % 15 + 1), "SHANGHAI").await;
            call(&manager, "updateCustomer", &json!({ "id": id, "name": format!("Name {number}") })).await;
        }
        let statements = async |actor: &Actor<'_>, query: &str| {
            let mut least = u64::MAX;
            for _ in 0..10 {
                let before = app.db.statements_run();
                actor.ask(query).await;
                least = least.min(app.db.statements_run() - before);
            }
            least
        };
        let log = |first: usize| format!("{{ auditLog(first: {first}) {{ nodes {{ {ENTRY} }} }} }}");
        let few = statements(&auditor, &log(2)).await;
        assert_eq!(statements(&auditor, &log(50)).await, few);
        assert!(few <= 6, "{few}");
        let nested = |first: usize| format!("{{ customers(first: {first}) {{ nodes {{ name history(first: 3) {{ totalCount nodes {{ at action changes {{ field after }} }} }} }} }} }}");
        let few = statements(&manager, &nested(2)).await;
        assert_eq!(statements(&manager, &nested(15)).await, few);
        assert!(few <= 5, "customers, their histories, the totals, and owners and units that values name: {few}");
    }
}
