//! Who sees what, said once more in plain Rust and row by row, from the rows as they are stored: the yardstick for what the server does
//! with arms and SQL. It follows the words of the rules and shares no code with `branchwise::access`.

use std::collections::BTreeMap;

use sea_orm::QueryResult;
use uuid::Uuid;

use crate::app::TestApp;

/// How clearly a row is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sight {
    Card,
    Basic,
    Full,
}

impl Sight {
    /// The word of the API and of the policy.
    pub fn word(self) -> &'static str {
        match self {
            Self::Card => "CARD",
            Self::Basic => "BASIC",
            Self::Full => "FULL",
        }
    }

    fn of(word: &str) -> Self {
        match word {
            "CARD" => Self::Card,
            "BASIC" => Self::Basic,
            "FULL" => Self::Full,
            _ => panic!("no level {word}"),
        }
    }
}

#[derive(Debug)]
pub struct Unit {
    pub id: Uuid,
    pub code: String,
    parent: Option<Uuid>,
    kind: String,
    mode: Option<String>,
}

#[derive(Debug)]
pub struct Post {
    pub id: Uuid,
    user: Uuid,
    role: String,
    unit: Uuid,
    from: i64,
    to: Option<i64>,
    acting_for: Option<Uuid>,
}

/// Some of the rights of a post, lent.
#[derive(Debug)]
struct Delegation {
    post: Uuid,
    delegator: Uuid,
    delegate: Uuid,
    actions: Vec<String>,
    level: String,
    from: i64,
    to: i64,
}

/// A rule that somebody may go by: through which post, whose rows are "own", how clearly, and to whom it is lent.
#[derive(Clone, Copy)]
struct Held<'a> {
    post: &'a Post,
    rule: &'a Rule,
    owner: Uuid,
    level: Sight,
    lent_to: Option<Uuid>,
}

#[derive(Debug)]
struct Rule {
    role: String,
    pair: (String, String),
    reach: String,
    level: String,
    effect: String,
}

#[derive(Debug)]
pub struct Customer {
    pub id: Uuid,
    pub unit: Uuid,
    pub owner: Option<Uuid>,
    pub class: String,
    pub name: String,
    pub external_ref: Option<String>,
    pub industry: Option<String>,
    pub phone: Option<String>,
    pub income: Option<i64>,
    pub created: i64,
    pub updated: i64,
    pub is_archived: bool,
}

#[derive(Debug)]
pub struct Contact {
    pub id: Uuid,
    pub customer: Uuid,
    pub name: String,
    pub phone: Option<String>,
    pub created: i64,
    pub is_archived: bool,
}

/// All rows that decide, and those that are decided on.
#[derive(Debug)]
pub struct World {
    pub units: BTreeMap<Uuid, Unit>,
    pub users: BTreeMap<Uuid, String>,
    posts: Vec<Post>,
    delegations: Vec<Delegation>,
    rules: Vec<Rule>,
    pub customers: Vec<Customer>,
    pub contacts: Vec<Contact>,
    now: i64,
}

fn get<T: sea_orm::TryGetable>(row: &QueryResult, at: usize) -> T {
    row.try_get_by_index(at).unwrap()
}

async fn rows<T>(app: &TestApp, sql: &str, read: fn(&QueryResult) -> T) -> Vec<T> {
    app.select(sql).await.iter().map(read).collect()
}

impl World {
    /// As it is stored now.
    pub async fn read(app: &TestApp) -> Self {
        let units = rows(app, "SELECT id, code, parent_id, kind, business_mode FROM org_unit", |row| Unit {
            id: get(row, 0),
            code: get(row, 1),
            parent: get(row, 2),
            kind: get(row, 3),
            mode: get(row, 4),
        });
        let posts = rows(app, "SELECT id, user_id, role, unit_id, valid_from, valid_to, acting_for FROM post", |row| Post {
            id: get(row, 0),
            user: get(row, 1),
            role: get(row, 2),
            unit: get(row, 3),
            from: get(row, 4),
            to: get(row, 5),
            acting_for: get(row, 6),
        });
        let delegations = "SELECT post_id, delegator_id, delegate_id, actions, level, valid_from, valid_to FROM delegation";
        let delegations = rows(app, delegations, |row| Delegation {
            post: get(row, 0),
            delegator: get(row, 1),
            delegate: get(row, 2),
            actions: serde_json::from_value(get(row, 3)).unwrap(),
            level: get(row, 4),
            from: get(row, 5),
            to: get(row, 6),
        });
        let rules = rows(app, "SELECT role, resource, action, reach, level, effect FROM policy_rule", |row| Rule {
            role: get(row, 0),
            pair: (get(row, 1), get(row, 2)),
            reach: get(row, 3),
            level: get(row, 4),
            effect: get(row, 5),
        });
        let customers = "SELECT id, unit_id, owner_id, class, name_folded, external_ref, industry, phone, annual_income_minor, created_at, \
                         updated_at, archived_at FROM customer";
        let customers = rows(app, customers, |row| Customer {
            id: get(row, 0),
            unit: get(row, 1),
            owner: get(row, 2),
            class: get(row, 3),
            name: get(row, 4),
            external_ref: get(row, 5),
            industry: get(row, 6),
            phone: get(row, 7),
            income: get(row, 8),
            created: get(row, 9),
            updated: get(row, 10),
            is_archived: get::<Option<i64>>(row, 11).is_some(),
        });
        let contacts = rows(app, "SELECT id, customer_id, name, phone, created_at, archived_at FROM contact", |row| Contact {
            id: get(row, 0),
            customer: get(row, 1),
            name: get(row, 2),
            phone: get(row, 3),
            created: get(row, 4),
            is_archived: get::<Option<i64>>(row, 5).is_some(),
        });
        let users = rows(app, "SELECT id, username FROM user_account", |row| (get(row, 0), get(row, 1)));
        Self {
            units: units.await.into_iter().map(|unit| (unit.id, unit)).collect(),
            users: users.await.into_iter().collect(),
            posts: posts.await,
            delegations: delegations.await,
            rules: rules.await,
            customers: customers.await,
            contacts: contacts.await,
            now: app.clock.now().0,
        }
    }

    /// The unit and everything above it, nearest first.
    fn line(&self, unit: Uuid) -> Vec<&Unit> {
        let mut line = vec![&self.units[&unit]];
        while let Some(parent) = line.last().and_then(|unit| unit.parent) {
            line.push(&self.units[&parent]);
        }
        line
    }

    /// The unit directly above.
    pub fn parent(&self, unit: Uuid) -> Option<Uuid> {
        self.units[&unit].parent
    }

    /// Is `unit` the unit `root`, or below it?
    pub fn is_under(&self, unit: Uuid, root: Uuid) -> bool {
        self.line(unit).iter().any(|above| above.id == root)
    }

    /// "Region" in every rule means the topmost.
    fn region(&self, unit: Uuid) -> Option<Uuid> {
        self.line(unit).iter().rfind(|above| above.kind == "REGION").map(|region| region.id)
    }

    /// The unit that sets the mode of `unit`, and the mode.
    fn mode(&self, unit: Uuid) -> Option<(Uuid, &str)> {
        self.line(unit).iter().find_map(|above| Some((above.id, above.mode.as_deref()?)))
    }

    /// Do two units work in one centralised business?
    fn work_together(&self, one: Uuid, other: Uuid) -> bool {
        self.mode(one).is_some_and(|(_, mode)| mode == "CENTRALISED") && self.mode(one) == self.mode(other)
    }

    fn counts(&self, post: &Post) -> bool {
        post.from <= self.now && post.to.is_none_or(|to| self.now < to)
    }

    /// The posts that count now.
    pub fn posts(&self, user: Uuid) -> Vec<&Post> {
        self.posts.iter().filter(|post| post.user == user && self.counts(post)).collect()
    }

    fn denies(&self, user: Uuid, pair: &(String, String)) -> bool {
        let denies = |role: &str| self.rules.iter().any(|rule| rule.role == role && rule.pair == *pair && rule.effect == "deny");
        self.posts(user).iter().any(|post| denies(&post.role))
    }

    /// The units at or above that work alone.
    fn walls(&self, unit: Uuid) -> Vec<Uuid> {
        self.line(unit).iter().filter(|above| above.mode.as_deref() == Some("SINGLE")).map(|above| above.id).collect()
    }

    /// The posts of others of which something is lent to a user now.
    fn lent(&self, user: Uuid) -> Vec<(&Delegation, &Post)> {
        let mine = self.posts(user);
        let mut found = Vec::new();
        for lent in &self.delegations {
            let Some(post) = self.posts.iter().find(|post| post.id == lent.post && post.user == lent.delegator) else { continue };
            let in_force = lent.delegate == user && lent.from <= self.now && self.now < lent.to && self.counts(post);
            let same_side = mine.iter().any(|mine| self.walls(mine.unit) == self.walls(post.unit));
            if in_force && post.acting_for.is_none() && same_side {
                found.push((lent, post));
            }
        }
        found
    }

    fn lent_grants(&self, user: Uuid, pair: &(String, String)) -> Vec<Held<'_>> {
        let never = ["administer", "reveal", "export"].contains(&pair.1.as_str());
        let word = format!("{}:{}", pair.0, pair.1);
        let lends = |(lent, _): &(&Delegation, &Post)| !never && lent.actions.contains(&word) && !self.denies(lent.delegator, pair);
        let mut grants = Vec::new();
        for (lent, post) in self.lent(user).into_iter().filter(lends) {
            for rule in self.rules.iter().filter(|rule| rule.role == post.role && rule.pair == *pair && rule.effect == "allow") {
                let level = Sight::of(&rule.level).min(Sight::of(&lent.level));
                grants.push(Held { post, rule, owner: lent.delegator, level, lent_to: Some(user) });
            }
        }
        grants
    }

    /// Post by post, what is granted for an action, in one's own name and in that of others; nothing where a post of one's own denies it.
    fn grants(&self, user: Uuid, resource: &str, action: &str) -> Vec<Held<'_>> {
        let pair = (resource.to_owned(), action.to_owned());
        if self.denies(user, &pair) {
            return Vec::new();
        }
        let mut grants = self.lent_grants(user, &pair);
        for post in self.posts(user) {
            for rule in self.rules.iter().filter(|rule| rule.role == post.role && rule.pair == pair) {
                let owner = post.acting_for.unwrap_or(user);
                grants.push(Held { post, rule, owner, level: Sight::of(&rule.level), lent_to: None });
            }
        }
        grants
    }

    /// May it be done anywhere at all?
    pub fn may(&self, user: Uuid, resource: &str, action: &str) -> bool {
        self.grants(user, resource, action).iter().any(|held| !Self::is_of_nobody(held.rule))
    }

    /// Own rows, of what nobody owns.
    fn is_of_nobody(rule: &Rule) -> bool {
        rule.reach == "SELF" && ["organisation", "audit"].contains(&rule.pair.0.as_str())
    }

    /// Does a unit that works alone lie between a user and `unit`: one at or above `unit`, with no post of the user at or below it?
    fn is_walled_off(&self, user: Uuid, unit: Uuid) -> bool {
        self.walls(unit).into_iter().any(|wall| !self.posts(user).iter().any(|post| self.is_under(post.unit, wall)))
    }

    /// Does reading open this level on customers anywhere at all?
    pub fn opens(&self, user: Uuid, least: Sight) -> bool {
        self.grants(user, "customer", "read").iter().any(|held| held.level >= least)
    }

    /// Does the reach of a grant hold a row, before the business mode has its say?
    fn holds(&self, Held { post, rule, owner, lent_to, .. }: Held<'_>, unit: Uuid, whose: Option<Uuid>) -> bool {
        if Self::is_of_nobody(rule) || lent_to.is_some_and(|user| self.is_walled_off(user, unit)) {
            return false;
        }
        match rule.reach.as_str() {
            "SELF" => whose == Some(owner) && self.is_under(unit, post.unit),
            "UNIT" => unit == post.unit,
            "SUBTREE" => self.is_under(unit, post.unit),
            "REGION" => self.is_under(unit, self.region(post.unit).unwrap_or(post.unit)),
            "GROUP" => true,
            reach => panic!("no reach {reach}"),
        }
    }

    /// How clearly a user sees a customer; none: not at all.
    pub fn sight(&self, user: Uuid, customer: &Customer) -> Option<Sight> {
        self.sight_at(user, customer.unit, customer.owner)
    }

    /// How clearly a user sees a customer of this unit and owner; none: not at all.
    pub fn sight_at(&self, user: Uuid, unit: Uuid, owner: Option<Uuid>) -> Option<Sight> {
        let of_grant = |held: Held<'_>| {
            if !self.holds(held, unit, owner) {
                None
            } else if self.is_under(unit, held.post.unit) {
                Some(held.level)
            } else {
                self.work_together(held.post.unit, unit).then_some(Sight::Card)
            }
        };
        self.grants(user, "customer", "read").into_iter().filter_map(of_grant).max()
    }

    /// May a user do this to a row of this unit and owner? Writes stop at the post's subtree.
    pub fn reaches(&self, user: Uuid, (resource, action): (&str, &str), unit: Uuid, owner: Option<Uuid>) -> bool {
        let grants = self.grants(user, resource, action);
        grants.into_iter().any(|held| self.is_under(unit, held.post.unit) && self.holds(held, unit, owner))
    }

    /// How a user sees a unit: FULL as a whole, its own line and subtree; CARD where customers' cards are seen sideways, and where customers
    /// are lent.
    pub fn unit_sight(&self, user: Uuid, unit: Uuid) -> Option<Sight> {
        if self.posts(user).iter().any(|post| self.is_under(unit, post.unit) || self.is_under(post.unit, unit)) {
            return Some(Sight::Full);
        }
        let is_card = |held: Held<'_>| {
            let is_lent = held.lent_to.is_some() && self.is_under(unit, held.post.unit) && self.holds(held, unit, Some(held.owner));
            is_lent || (self.holds(held, unit, None) && self.work_together(held.post.unit, unit))
        };
        self.grants(user, "customer", "read").into_iter().any(is_card).then_some(Sight::Card)
    }

    /// Does a user see another: a colleague at a unit or below, the owner of a customer in sight, somebody who lends or is lent, or whom it
    /// administers?
    pub fn sees_user(&self, user: Uuid, other: Uuid) -> bool {
        let posts = self.posts(user);
        let is_colleague = self.posts(other).iter().any(|theirs| posts.iter().any(|mine| self.is_under(theirs.unit, mine.unit)));
        let owns = |customer: &Customer| customer.owner == Some(other) && self.sight(user, customer).is_some();
        let between = |lent: &Delegation| [(lent.delegator, lent.delegate), (lent.delegate, lent.delegator)].contains(&(user, other));
        let is_lent = !posts.is_empty() && self.delegations.iter().any(|lent| self.now < lent.to && between(lent));
        let administered = self.grants(user, "organisation", "administer").iter().any(|held| {
            let is_everything =
                self.units[&held.post.unit].parent.is_none() && ["SUBTREE", "REGION", "GROUP"].contains(&held.rule.reach.as_str());
            // Ended posts do not count, those to come do.
            let mut open = self.posts.iter().filter(|post| post.user == other && post.to.is_none_or(|to| self.now < to));
            is_everything || open.any(|post| self.is_under(post.unit, held.post.unit) && self.holds(*held, post.unit, None))
        });
        is_colleague || is_lent || administered || self.customers.iter().any(owns)
    }
}
