//! What a row shows at its level, what hangs on it, which units and users are in sight, and what may be written: as the oracle says, on
//! groups at random.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::app::TestApp;
use crate::on_groups_at_random;
use crate::oracle::{Contact, Customer, Sight, World};
use crate::raw::global;
use crate::row_rules::Asker;

/// What is null at BASIC, and besides at CARD.
const HIDDEN_AT_BASIC: [&str; 7] = ["annualIncome", "birthDate", "customFields", "education", "gender", "identityNumber", "occupation"];
const HIDDEN_AT_CARD: [&str; 5] = ["address", "contacts", "email", "industry", "phone"];

impl Asker<'_> {
    /// In clear at FULL, masked at BASIC, null below.
    fn shows(shown: &Json, stored: Option<&str>, sight: Sight) {
        match (sight, stored) {
            (Sight::Full, stored) => assert_eq!(shown, &json!(stored)),
            (Sight::Basic, Some(stored)) => assert!(shown.as_str().is_some_and(|shown| shown.contains("****") && shown != stored)),
            _ => assert_eq!(shown, &Json::Null),
        }
    }

    async fn fields(&self) {
        let answer = self
            .actor
            .ask(
                "{ customers(first: 100) { nodes { id level hiddenFields name class externalRef industry phone email address birthDate
                   gender occupation education annualIncome { amount } identityNumber customFields { key } unit { id } owner { id }
                   contacts(first: 2) { totalCount pageInfo { hasNextPage } nodes { id level name phone customer { id } } } } } }",
            )
            .await;
        let shown = answer["customers"]["nodes"].as_array().unwrap();
        let seen = self.seen(|customer, _| !customer.is_archived);
        assert_eq!(shown.len(), seen.len());
        for (customer, sight) in seen {
            let id = json!(global("Customer", customer.id));
            let shown = shown.iter().find(|shown| shown["id"] == id).expect("a customer in sight");
            let mut hidden: Vec<&str> = shown["hiddenFields"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
            hidden.sort_unstable();
            let mut expected: Vec<&str> = if sight < Sight::Full { HIDDEN_AT_BASIC.to_vec() } else { Vec::new() };
            expected.extend(HIDDEN_AT_CARD.iter().filter(|_| sight == Sight::Card));
            expected.sort_unstable();
            assert_eq!(hidden, expected);
            assert!(hidden.iter().all(|name| shown[name] == Json::Null), "{shown}");

            assert_eq!(shown["externalRef"], json!(customer.external_ref));
            assert_eq!(shown["class"], json!(customer.class));
            assert_eq!(shown["unit"]["id"], json!(global("OrgUnit", customer.unit)));
            assert_eq!(shown["owner"]["id"], json!(customer.owner.map(|owner| global("User", owner))));
            assert_eq!(shown["industry"], json!(customer.industry.as_ref().filter(|_| sight >= Sight::Basic)));
            Self::shows(&shown["phone"], customer.phone.as_deref(), sight);
            assert_eq!(shown["gender"] == "FEMALE" && shown["birthDate"] == "1990-01-01", sight == Sight::Full);
            assert_eq!(shown["annualIncome"]["amount"].is_null(), customer.income.is_none() || sight < Sight::Full);
            assert_eq!(shown["customFields"].is_array(), sight == Sight::Full);
            self.contacts(customer, sight, &shown["contacts"]);
        }
    }

    /// Archived contacts come on demand, as far as the right to archive goes.
    async fn archived_contacts(&self) {
        let list = "{ customers(first: 100) { nodes { id contacts(archived: true) { totalCount nodes { id } } } } }";
        let archive = ("contact", "archive");
        let seen = self.seen(|customer, _| !customer.is_archived);
        if !self.world.may(self.user, archive.0, archive.1) {
            if seen.iter().any(|(_, sight)| *sight >= Sight::Basic) {
                assert_eq!(self.actor.fail(list, json!({})).await["extensions"], json!({ "code": "FORBIDDEN", "field": "archived" }));
            }
            return;
        }
        let answer = self.actor.ask(list).await;
        let shown = answer["customers"]["nodes"].as_array().unwrap();
        for (customer, _) in seen.into_iter().filter(|(_, sight)| *sight >= Sight::Basic) {
            let reaches = self.world.reaches(self.user, archive, customer.unit, customer.owner);
            let is_shown = |contact: &&Contact| contact.customer == customer.id && (reaches || !contact.is_archived);
            let mut contacts: Vec<&Contact> = self.world.contacts.iter().filter(is_shown).collect();
            contacts.sort_by_key(|contact| (contact.created, contact.id));
            let ids: Vec<Json> = contacts.iter().map(|contact| json!({ "id": global("Contact", contact.id) })).collect();
            let id = json!(global("Customer", customer.id));
            let shown = shown.iter().find(|shown| shown["id"] == id).expect("a customer in sight");
            assert_eq!(shown["contacts"], json!({ "totalCount": ids.len(), "nodes": ids }));
        }
    }

    fn contacts(&self, customer: &Customer, sight: Sight, shown: &Json) {
        if sight == Sight::Card {
            return assert_eq!(shown, &Json::Null);
        }
        let is_theirs = |contact: &&Contact| contact.customer == customer.id && !contact.is_archived;
        let mut contacts: Vec<&Contact> = self.world.contacts.iter().filter(is_theirs).collect();
        contacts.sort_by_key(|contact| (contact.created, contact.id));
        assert_eq!(shown["totalCount"], json!(contacts.len()));
        assert_eq!(shown["pageInfo"]["hasNextPage"], json!(contacts.len() > 2));
        let listed = shown["nodes"].as_array().unwrap();
        assert_eq!(listed.len(), contacts.len().min(2));
        for (shown, contact) in listed.iter().zip(contacts) {
            assert_eq!(shown["id"], json!(global("Contact", contact.id)));
            assert_eq!((&shown["level"], &shown["name"]), (&json!(sight.word()), &json!(contact.name)));
            assert_eq!(shown["customer"]["id"], json!(global("Customer", customer.id)));
            Self::shows(&shown["phone"], contact.phone.as_deref(), sight);
        }
    }

    /// Units with what they serve, each as a whole or as a card.
    async fn units(&self) {
        let list = "{ orgUnits(first: 100) { totalCount nodes { id businessMode createdAt parent { id } ancestors { id }
            children(first: 100) { totalCount nodes { id } }
            customers(first: 3) { totalCount nodes { id } pageInfo { hasNextPage } } } } }";
        if self.world.posts(self.user).is_empty() {
            return assert_eq!(self.actor.code(list, json!({})).await, "FORBIDDEN");
        }
        let answer = self.actor.ask(list).await;
        let shown = answer["orgUnits"]["nodes"].as_array().unwrap();
        let sights: Vec<(Uuid, Option<Sight>)> =
            self.world.units.keys().map(|unit| (*unit, self.world.unit_sight(self.user, *unit))).collect();
        let seen = sights.iter().filter(|(_, sight)| sight.is_some()).count();
        assert_eq!((shown.len(), &answer["orgUnits"]["totalCount"]), (seen, &json!(seen)));
        for (unit, sight) in sights.iter().filter_map(|(unit, sight)| Some((*unit, (*sight)?))) {
            let id = json!(global("OrgUnit", unit));
            let shown = shown.iter().find(|shown| shown["id"] == id).expect("a unit in sight");
            let is_whole = sight == Sight::Full;
            assert_eq!((shown["ancestors"].is_array(), shown["createdAt"].is_string()), (is_whole, is_whole), "{shown}");
            if !is_whole {
                assert_eq!((&shown["parent"], &shown["children"], &shown["businessMode"]), (&Json::Null, &Json::Null, &Json::Null));
            } else {
                // A card does not tell where its unit stands.
                let children =
                    |(child, sight): &&(Uuid, Option<Sight>)| *sight == Some(Sight::Full) && self.world.parent(*child) == Some(unit);
                let expected: BTreeSet<String> = sights.iter().filter(children).map(|(child, _)| global("OrgUnit", *child)).collect();
                assert_eq!(shown["children"]["totalCount"], json!(expected.len()));
                let nodes = shown["children"]["nodes"].as_array().unwrap();
                assert_eq!(nodes.iter().map(|child| child["id"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>(), expected);
                assert_eq!(shown["parent"]["id"], json!(self.world.parent(unit).map(|parent| global("OrgUnit", parent))));
            }
            self.unit_customers(unit, &shown["customers"]);
        }
        let by_ids = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }";
        let ids: Vec<String> = sights.iter().map(|(unit, _)| global("OrgUnit", *unit)).collect();
        let expected: Vec<Json> =
            sights.iter().zip(&ids).map(|((_, sight), id)| sight.map_or(Json::Null, |_| json!({ "id": id }))).collect();
        assert_eq!(self.actor.ask_with(by_ids, json!({ "ids": ids })).await["nodes"], json!(expected));
    }

    fn unit_customers(&self, unit: Uuid, shown: &Json) {
        if !self.world.may(self.user, "customer", "read") {
            return assert_eq!(shown, &Json::Null);
        }
        let mut served = self.seen(|customer, _| customer.unit == unit && !customer.is_archived);
        served.sort_by_key(|(customer, _)| std::cmp::Reverse((customer.created, customer.id)));
        let first: Vec<Json> = served.iter().take(3).map(|(customer, _)| json!({ "id": global("Customer", customer.id) })).collect();
        let expected = json!({ "totalCount": served.len(), "nodes": first, "pageInfo": { "hasNextPage": served.len() > 3 } });
        assert_eq!(shown, &expected);
    }

    async fn users(&self) {
        let by_ids = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }";
        let users: Vec<Uuid> = self.world.users.keys().copied().collect();
        let ids: Vec<String> = users.iter().map(|user| global("User", *user)).collect();
        if self.world.posts(self.user).is_empty() {
            return assert_eq!(self.actor.code(by_ids, json!({ "ids": ids })).await, "FORBIDDEN");
        }
        let seen = |(user, id): (&Uuid, &String)| if self.world.sees_user(self.user, *user) { json!({ "id": id }) } else { Json::Null };
        let expected: Vec<Json> = users.iter().zip(&ids).map(seen).collect();
        assert_eq!(self.actor.ask_with(by_ids, json!({ "ids": ids })).await["nodes"], json!(expected));
    }

    /// Changes that change nothing, tried on every customer and contact: FORBIDDEN without the action, NOT_FOUND out of sight, FORBIDDEN
    /// out of its reach.
    async fn writes(&self) {
        for customer in &self.world.customers {
            let sight = self.world.sight(self.user, customer);
            let archive = if customer.is_archived { "archiveCustomer" } else { "restoreCustomer" };
            for (action, mutation) in [("update", "updateCustomer"), ("archive", archive)] {
                self.write(mutation, ("customer", action), (customer, sight), &global("Customer", customer.id)).await;
            }
            for contact in self.world.contacts.iter().filter(|contact| contact.customer == customer.id) {
                let sight = sight.filter(|sight| *sight >= Sight::Basic);
                let archive = if contact.is_archived { "archiveContact" } else { "restoreContact" };
                for (action, mutation) in [("update", "updateContact"), ("archive", archive)] {
                    self.write(mutation, ("contact", action), (customer, sight), &global("Contact", contact.id)).await;
                }
            }
        }
    }

    async fn write(&self, mutation: &str, pair: (&str, &str), (customer, sight): (&Customer, Option<Sight>), id: &str) {
        let field = if pair.0 == "customer" { "customer" } else { "contact" };
        let document = format!("mutation {{ {mutation}(input: {{id: \"{id}\"}}) {{ {field} {{ id level }} }} }}");
        let expected = if !self.world.may(self.user, pair.0, pair.1) {
            Err("FORBIDDEN")
        } else if let Some(sight) = sight {
            if self.world.reaches(self.user, pair, customer.unit, customer.owner) { Ok(sight.word()) } else { Err("FORBIDDEN") }
        } else {
            Err("NOT_FOUND")
        };
        let answer = self.actor.send(&document, json!({})).await.body;
        match expected {
            Ok(level) => assert_eq!(answer["data"][mutation][field], json!({ "id": id, "level": level }), "{answer}"),
            Err(code) => assert_eq!(answer["errors"][0]["extensions"], json!({ "code": code }), "{mutation}: {answer}"),
        }
    }
}

async fn sights_agree(app: &TestApp) {
    let world = World::read(app).await;
    for asker in Asker::everybody(app, &world).await {
        asker.units().await;
        let posts = asker.actor.ask("{ viewer { posts { id } } }").await;
        let shown: BTreeSet<&str> = posts["viewer"]["posts"].as_array().unwrap().iter().map(|post| post["id"].as_str().unwrap()).collect();
        let expected: Vec<String> = world.posts(asker.user).iter().map(|post| global("Post", post.id)).collect();
        assert_eq!(shown, expected.iter().map(String::as_str).collect());
        if world.may(asker.user, "customer", "read") {
            asker.fields().await;
            asker.archived_contacts().await;
        }
    }
}

async fn users_agree(app: &TestApp) {
    let world = World::read(app).await;
    for asker in Asker::everybody(app, &world).await {
        asker.users().await;
    }
}

async fn writes_agree(app: &TestApp) {
    let world = World::read(app).await;
    for asker in Asker::everybody(app, &world).await {
        asker.writes().await;
    }
    assert_eq!(app.number("SELECT COUNT(*) FROM audit WHERE record_type <> 'request'").await, 0, "what changes nothing leaves no trace");
}

on_groups_at_random! {
    what_rows_show(24, [30, 0]) = sights_agree;
    who_is_seen(24, [10, 0]) = users_agree;
    what_may_be_written(8, [15, 0]) = writes_agree;
}
