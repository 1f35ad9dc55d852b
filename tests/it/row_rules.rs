//! Rows and levels equal those of the oracle, through every door: pages of any size both ways and in any order, totals, filters, ids,
//! nested lists. On groups at random, and on the sample group.

use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::app::{Actor, TestApp};
use crate::on_groups_at_random;
use crate::oracle::{Customer, Sight, World};
use crate::raw::global;

const SORTS: [(&str, Sight); 6] = [
    ("CREATED_AT", Sight::Card),
    ("UPDATED_AT", Sight::Card),
    ("NAME", Sight::Card),
    ("EXTERNAL_REF", Sight::Card),
    ("INDUSTRY", Sight::Basic),
    ("ANNUAL_INCOME", Sight::Full),
];

const LIST: &str = "query($first: Int, $after: String, $last: Int, $before: String, $sort: CustomerSort, $filter: CustomerFilter) {
    customers(first: $first, after: $after, last: $last, before: $before, sort: $sort, filter: $filter) {
        nodes { id level } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";
const COUNTED: &str = "query($filter: CustomerFilter) { customers(first: 100, filter: $filter) { totalCount nodes { id level } } }";

/// A customer as it is listed: id and level.
type Listed = (String, &'static str);

/// One user of a world, asking the server and the oracle the same things.
pub struct Asker<'a> {
    pub world: &'a World,
    pub user: Uuid,
    pub actor: Actor<'a>,
}

impl<'a> Asker<'a> {
    /// Everybody in the world.
    pub async fn everybody(app: &'a TestApp, world: &'a World) -> Vec<Self> {
        let mut users: Vec<_> = world.users.iter().collect();
        users.sort();
        let ask = async |(user, name): (&Uuid, &String)| Self { world, user: *user, actor: app.actor(name).await };
        futures::future::join_all(users.into_iter().map(ask)).await
    }

    /// The customers in sight that fulfil this, unordered.
    pub fn seen(&self, which: impl Fn(&Customer, Sight) -> bool) -> Vec<(&'a Customer, Sight)> {
        let world = self.world;
        let sight = |customer| Some((customer, world.sight(self.user, customer)?));
        world.customers.iter().filter_map(sight).filter(|(customer, sight)| which(customer, *sight)).collect()
    }

    async fn is_forbidden(&self, document: &str, variables: Json) {
        assert_eq!(self.actor.code(document, variables.clone()).await, "FORBIDDEN", "{document} {variables}");
    }

    /// A filter shows what the oracle says, or is FORBIDDEN where nothing opens what it asks.
    async fn filters(&self, filter: Json, needs: Sight, which: impl Fn(&Customer) -> bool) {
        if !self.world.opens(self.user, needs) {
            return self.is_forbidden(COUNTED, json!({ "filter": filter })).await;
        }
        let expected = sorted(self.seen(|customer, sight| sight >= needs && !customer.is_archived && which(customer)), "CREATED_AT", true);
        let answer = self.actor.ask_with(COUNTED, json!({ "filter": filter })).await;
        assert_eq!(listed(&answer["customers"]["nodes"]), expected, "{filter}");
        assert_eq!(answer["customers"]["totalCount"], json!(expected.len()), "{filter}");
    }

    /// Walks a whole list page by page.
    async fn walk(&self, size: usize, backwards: bool, sort: &Json, filter: &Json) -> Vec<Listed> {
        let (mut all, mut from) = (Vec::new(), Json::Null);
        loop {
            let (count, cursor, more) = if backwards { ("last", "before", "hasPreviousPage") } else { ("first", "after", "hasNextPage") };
            let page = self.actor.ask_with(LIST, json!({ count: size, cursor: from, "sort": sort, "filter": filter })).await;
            let (info, rows) = (&page["customers"]["pageInfo"], listed(&page["customers"]["nodes"]));
            from = info[if backwards { "startCursor" } else { "endCursor" }].clone();
            if backwards {
                all.splice(0..0, rows)
            } else {
                all.splice(all.len().., rows)
            };
            assert!(all.len() <= self.world.customers.len(), "a walk goes on for ever");
            if info[more] != json!(true) {
                return all;
            }
        }
    }

    async fn pages(&self, turn: usize) {
        for (at, (field, needs)) in SORTS.into_iter().enumerate() {
            let (turn, descending) = (turn + at, (turn + at).is_multiple_of(2));
            let sort = json!({ "field": field, "direction": if descending { "DESC" } else { "ASC" } });
            let filter = if needs == Sight::Card { json!({}) } else { json!({ "minLevel": needs.word() }) };
            if !self.world.opens(self.user, needs) {
                self.is_forbidden(LIST, json!({ "sort": sort, "filter": filter })).await;
                continue;
            }
            let expected = sorted(self.seen(|customer, sight| sight >= needs && !customer.is_archived), field, descending);
            let sizes: &[usize] = if turn % 6 == 0 { &[1, 100] } else { &[[2, 7, 7][turn % 3], 100] };
            for (size, backwards) in sizes.iter().zip([turn % 4 < 2, turn % 4 >= 2]) {
                let walked = self.walk(*size, backwards, &sort, &filter).await;
                assert_eq!(walked, expected, "{size} at a time by {field}, descending {descending}, backwards {backwards}");
            }
        }
    }

    async fn all_filters(&self) {
        for needs in [Sight::Card, Sight::Basic, Sight::Full] {
            self.filters(json!({ "minLevel": needs.word() }), needs, |_| true).await;
        }
        let phone = self.world.customers[0].phone.clone().unwrap_or_default();
        let has_phone = |customer: &Customer| customer.phone.as_ref() == Some(&phone);
        let is_account = |customer: &Customer| customer.class == "ACCOUNT";
        self.filters(json!({ "class": { "eq": "ACCOUNT" } }), Sight::Card, is_account).await;
        self.filters(json!({ "class": { "in": ["USER", "TARGET"] } }), Sight::Card, |customer| !is_account(customer)).await;
        self.filters(json!({ "name": { "contains": "ANNA" } }), Sight::Card, |customer| customer.name.contains("anna")).await;
        self.filters(json!({ "name": { "contains": "%_" } }), Sight::Card, |customer| customer.name.contains("%_")).await;
        self.filters(json!({ "industry": { "eq": "Food" } }), Sight::Basic, |customer| customer.industry.as_deref() == Some("Food")).await;
        self.filters(json!({ "phone": { "eq": phone } }), Sight::Full, has_phone).await;
        self.filters(json!({ "not": { "phone": { "in": [phone] } } }), Sight::Full, |customer| {
            customer.phone.is_some() && !has_phone(customer)
        })
        .await;
        let either = json!({ "or": [{ "phone": { "eq": phone } }, { "class": { "eq": "ACCOUNT" } }] });
        self.filters(either, Sight::Full, |customer| has_phone(customer) || is_account(customer)).await;
        let has_boss = |customer: &Customer| {
            let mut contacts = self.world.contacts.iter();
            contacts.any(|contact| contact.customer == customer.id && contact.name == "Person 1" && !contact.is_archived)
        };
        self.filters(json!({ "contact": { "name": { "eq": "Person 1" } } }), Sight::Basic, has_boss).await;
        for user in self.world.users.keys() {
            let owner = json!({ "owner": { "eq": global("User", *user) } });
            self.filters(owner, Sight::Card, |customer| customer.owner == Some(*user)).await;
        }
        for unit in self.world.units.keys().take(16) {
            let is_whole = self.world.unit_sight(self.user, *unit) == Some(Sight::Full);
            let below = |customer: &Customer| is_whole && self.world.is_under(customer.unit, *unit);
            self.filters(json!({ "underUnit": global("OrgUnit", *unit) }), Sight::Card, below).await;
        }
        self.archived().await;
    }

    /// All units in sight, page by page, by code.
    async fn unit_pages(&self) {
        let list = "query($after: String) { orgUnits(first: 30, after: $after) {
            totalCount nodes { id } pageInfo { hasNextPage endCursor } } }";
        if self.world.posts(self.user).is_empty() {
            return self.is_forbidden(list, json!({})).await;
        }
        let seen = self.world.units.values().filter(|unit| self.world.unit_sight(self.user, unit.id).is_some());
        let mut expected: Vec<(&str, String)> = seen.map(|unit| (unit.code.as_str(), global("OrgUnit", unit.id))).collect();
        expected.sort_unstable();
        let (mut walked, mut after) = (Vec::new(), Json::Null);
        loop {
            let page = self.actor.ask_with(list, json!({ "after": after })).await["orgUnits"].take();
            assert_eq!(page["totalCount"], json!(expected.len()));
            walked.extend(page["nodes"].as_array().unwrap().iter().map(|unit| unit["id"].clone()));
            after = page["pageInfo"]["endCursor"].clone();
            if page["pageInfo"]["hasNextPage"] != json!(true) {
                break;
            }
        }
        assert_eq!(json!(walked), json!(expected.into_iter().map(|(_, id)| id).collect::<Vec<_>>()));
    }

    /// The archived come on demand, as far as the right to archive goes.
    async fn archived(&self) {
        let variables = json!({ "filter": { "archived": true } });
        let archive = ("customer", "archive");
        if !self.world.may(self.user, archive.0, archive.1) {
            return self.is_forbidden(COUNTED, variables).await;
        }
        let reaches = |customer: &Customer| self.world.reaches(self.user, archive, customer.unit, customer.owner);
        let expected = sorted(self.seen(|customer, _| !customer.is_archived || reaches(customer)), "CREATED_AT", true);
        let answer = self.actor.ask_with(COUNTED, variables).await;
        assert_eq!(listed(&answer["customers"]["nodes"]), expected);
        assert_eq!(answer["customers"]["totalCount"], json!(expected.len()));
    }

    /// Customers and their contacts by id: every one of the group's.
    async fn ids(&self) {
        let by_ids = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Customer { id level } ... on Contact { id level } } }";
        let customers: Vec<(String, Option<Sight>)> =
            self.world.customers.iter().map(|customer| (global("Customer", customer.id), self.world.sight(self.user, customer))).collect();
        let contacts = self.world.contacts.iter().map(|contact| {
            let customer = self.world.customers.iter().find(|customer| customer.id == contact.customer).unwrap();
            (global("Contact", contact.id), self.world.sight(self.user, customer).filter(|sight| *sight >= Sight::Basic))
        });
        for (rows, opens) in [(customers, Sight::Card), (contacts.collect(), Sight::Basic)] {
            for rows in rows.chunks(100) {
                let ids: Vec<&String> = rows.iter().map(|(id, _)| id).collect();
                if !self.world.opens(self.user, opens) {
                    self.is_forbidden(by_ids, json!({ "ids": ids })).await;
                    continue;
                }
                let seen = |(id, sight): &(String, Option<Sight>)| sight.map(|sight| json!({ "id": id, "level": sight.word() }));
                let expected: Vec<Option<Json>> = rows.iter().map(seen).collect();
                assert_eq!(self.actor.ask_with(by_ids, json!({ "ids": ids })).await["nodes"], json!(expected));
            }
        }
    }
}

/// In the order of the API: by key, then by id.
fn sorted(mut rows: Vec<(&Customer, Sight)>, field: &str, descending: bool) -> Vec<Listed> {
    let key = |customer: &Customer| match field {
        "CREATED_AT" => (customer.created, String::new()),
        "UPDATED_AT" => (customer.updated, String::new()),
        "NAME" => (0, customer.name.clone()),
        "EXTERNAL_REF" => (0, customer.external_ref.clone().unwrap_or_default()),
        "INDUSTRY" => (0, customer.industry.clone().unwrap_or_default()),
        "ANNUAL_INCOME" => (customer.income.unwrap_or(-1), String::new()),
        _ => panic!("no order by {field}"),
    };
    rows.sort_by_key(|(customer, _)| (key(customer), customer.id));
    if descending {
        rows.reverse();
    }
    rows.into_iter().map(|(customer, sight)| (global("Customer", customer.id), sight.word())).collect()
}

fn listed(nodes: &Json) -> Vec<Listed> {
    let word = |level: &str| [Sight::Card, Sight::Basic, Sight::Full].into_iter().map(Sight::word).find(|word| *word == level);
    let read = |node: &Json| Some((node["id"].as_str()?.to_owned(), word(node["level"].as_str()?)?));
    nodes.as_array().unwrap().iter().map(|node| read(node).unwrap()).collect()
}

async fn customers_agree(app: &TestApp) {
    let world = World::read(app).await;
    for (turn, asker) in Asker::everybody(app, &world).await.iter().enumerate() {
        asker.ids().await;
        asker.unit_pages().await;
        if !world.may(asker.user, "customer", "read") {
            asker.is_forbidden(LIST, json!({})).await;
            asker.is_forbidden(COUNTED, json!({ "filter": { "phone": { "eq": "1" } } })).await;
            continue;
        }
        asker.pages(turn).await;
        asker.all_filters().await;
    }
}

on_groups_at_random! {
    rows_and_levels(24, [40, 0]) = customers_agree;
    rows_and_levels_in_wide_trees(6, [50, 230]) = customers_agree;
}
