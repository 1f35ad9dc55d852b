//! Groups at random: nested regions, modes anywhere, several posts a user, past and future ones, grants and denies beside the default
//! policy, customers everywhere. They are written behind the server's back, so that nothing of its own decides what stands in a row.

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use uuid::Uuid;

use crate::app::TestApp;
use crate::raw::{sql_id, sql_text};

/// Roles of the default policy, and some that have nothing but the rules of a group.
const ROLES: [&str; 15] = [
    "sales_rep",
    "supervisor",
    "branch_manager",
    "region_manager",
    "service_agent",
    "region_credit",
    "group_auditor",
    "group_credit",
    "branch_admin",
    "x1",
    "x1",
    "x2",
    "x2",
    "x3",
    "x3",
];
const PAIRS: [(&str, &str); 10] = [
    ("customer", "read"),
    ("customer", "read"),
    ("customer", "read"),
    ("customer", "read"),
    ("customer", "update"),
    ("customer", "archive"),
    ("contact", "update"),
    ("contact", "archive"),
    ("organisation", "administer"),
    ("audit", "read"),
];
const NAMES: [&str; 6] = ["anna lind", "bo", "王磊", "anna", "émile", "bo%_x"];
const INDUSTRIES: [&str; 3] = ["Food", "Toys", "Steel"];
const LONG_AGO: i64 = 1_000_000;
const FAR_AHEAD: i64 = 4_000_000_000_000_000;

/// A unit: where it hangs, what it wants to be, its mode.
pub type Unit = (Index, bool, Option<&'static str>);
/// A post: role, unit, whether it has ended, has yet to begin, or counts, and for whom it is held.
pub type Post = (Index, Index, Span, Option<Index>);
/// A delegation: which post, to whom, what, up to which level, and when.
pub type Lent = (Index, Index, Vec<Index>, &'static str, Span);
/// A rule: role, pair, reach, level, whether it denies.
pub type Rule = (Index, Index, &'static str, &'static str, bool);

#[derive(Clone, Copy, Debug)]
pub enum Span {
    Open,
    Bounded,
    Ended,
    Ahead,
}

impl Span {
    fn moments(self) -> (i64, Option<i64>) {
        match self {
            Self::Open => (LONG_AGO, None),
            Self::Bounded => (LONG_AGO, Some(FAR_AHEAD)),
            Self::Ended => (LONG_AGO, Some(LONG_AGO + 1)),
            Self::Ahead => (FAR_AHEAD, None),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Customer {
    unit: Index,
    owner: Option<Index>,
    class: &'static str,
    name: &'static str,
    industry: Option<&'static str>,
    income: Option<i64>,
    created: i64,
    is_archived: bool,
    /// Whether each of its contacts is archived.
    contacts: Vec<bool>,
}

/// A group as it goes into the database.
#[derive(Clone, Debug)]
pub struct Group {
    units: Vec<Unit>,
    head: Option<&'static str>,
    users: Vec<Vec<Post>>,
    lent: Vec<Lent>,
    rules: Vec<Rule>,
    customers: Vec<Customer>,
    /// So many more units, all under the deepest that may have some: subtrees too large to be named unit by unit.
    crowd: usize,
}

fn mode() -> impl Strategy<Value = Option<&'static str>> {
    prop_oneof![6 => Just(None), 6 => Just(Some("CENTRALISED")), 2 => Just(Some("SINGLE")), 1 => Just(Some("DISTRIBUTED"))]
}

fn customer() -> impl Strategy<Value = Customer> {
    let facts = (any::<Index>(), proptest::option::weighted(0.7, any::<Index>()), prop::sample::select(&["ACCOUNT", "TARGET", "USER"][..]));
    let words = (prop::sample::select(&NAMES[..]), proptest::option::of(prop::sample::select(&INDUSTRIES[..])));
    let numbers = (proptest::option::of(1_i64..4), 1_i64..6, proptest::bool::weighted(0.15));
    let contacts = prop::collection::vec(proptest::bool::weighted(0.2), 0..3);
    (facts, words, numbers, contacts).prop_map(|((unit, owner, class), (name, industry), (income, created, is_archived), contacts)| {
        Customer { unit, owner, class, name, industry, income, created, is_archived, contacts }
    })
}

/// Groups of up to a dozen units and a crowd, and so many customers.
fn groups(customers: usize, crowd: usize) -> impl Strategy<Value = Group> {
    let unit = (any::<Index>(), any::<bool>(), mode());
    let span = prop_oneof![7 => Just(Span::Open), 2 => Just(Span::Bounded), 1 => Just(Span::Ended), 1 => Just(Span::Ahead)];
    let post = (any::<Index>(), any::<Index>(), span.clone(), proptest::option::weighted(0.15, any::<Index>()));
    let sight = prop::sample::select(&["CARD", "BASIC", "FULL"][..]);
    let lent = (any::<Index>(), any::<Index>(), prop::collection::vec(any::<Index>(), 1..4), sight, span);
    let reach = prop::sample::select(&["SELF", "SELF", "UNIT", "SUBTREE", "REGION", "GROUP"][..]);
    let level = prop::sample::select(&["CARD", "BASIC", "FULL"][..]);
    let rule = (any::<Index>(), any::<Index>(), reach, level, proptest::bool::weighted(0.1));
    (
        prop::collection::vec(unit, 4..13),
        mode(),
        prop::collection::vec(prop::collection::vec(post, 0..4), 4),
        prop::collection::vec(lent, 0..4),
        prop::collection::vec(rule, 0..10),
        prop::collection::vec(customer(), customers),
    )
        .prop_map(move |(units, head, users, lent, rules, customers)| Group { units, head, users, lent, rules, customers, crowd })
}

/// Runs a test on groups at random: the same ones each time, unless `PROPTEST_CASES` or `PROPTEST_RNG_SEED` say otherwise.
pub fn on_groups(app: &TestApp, cases: u32, [customers, crowd]: [usize; 2], test: impl AsyncFn(&TestApp)) {
    let mut config = Config { failure_persistence: None, max_shrink_iters: 60, ..Config::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
    }
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(20_261_121);
    }
    let runtime = tokio::runtime::Handle::current();
    let failed = tokio::task::block_in_place(|| {
        let outcome = TestRunner::new(config).run(&groups(customers, crowd), |group| {
            runtime.block_on(async {
                group.replace(app).await;
                test(app).await;
            });
            Ok(())
        });
        outcome.err().map(|failed| failed.to_string())
    });
    if let Some(failed) = failed {
        panic!("{failed}");
    }
}

/// An id of the `number`th row of a kind; ids do not follow the order in which rows were made.
fn id(kind: u8, number: usize) -> Uuid {
    let scattered = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    Uuid::from_u128(u128::from(kind) << 120 | u128::from(scattered) << 32 | number as u128)
}

const UNIT: u8 = 1;
const USER: u8 = 2;
const POST: u8 = 3;
const RULE: u8 = 4;
const CUSTOMER: u8 = 5;
const CONTACT: u8 = 6;
const DELEGATION: u8 = 7;
/// Lent beside [`PAIRS`]: what is never lent, whatever stands in the table.
const NEVER_LENT: [(&str, &str); 3] = [("organisation", "administer"), ("customer", "reveal"), ("customer", "export")];

fn or_null<T: ToString>(value: Option<T>) -> String {
    value.map_or("NULL".to_owned(), |value| value.to_string())
}

/// Where a unit hangs and what it is.
struct Placed {
    parent: Option<usize>,
    kind: &'static str,
    region: Option<usize>,
}

impl Group {
    /// HQ, then each unit under one before it; what it wants to be is bent to what may stand there.
    fn tree(&self) -> Vec<Placed> {
        let mut tree = vec![Placed { parent: None, kind: "HQ", region: None }];
        for (under, wants_region, _) in &self.units {
            let mut parent = under.index(tree.len());
            if tree[parent].kind == "SITE" {
                parent = tree[parent].parent.unwrap_or_default();
            }
            Self::hang(&mut tree, parent, *wants_region);
        }
        let depth = |at: &usize| std::iter::successors(Some(*at), |above| tree[*above].parent).count();
        let deepest = (0..tree.len()).filter(|at| tree[*at].kind != "SITE").max_by_key(depth).unwrap_or_default();
        (0..self.crowd).for_each(|_| Self::hang(&mut tree, deepest, false));
        tree
    }

    fn hang(tree: &mut Vec<Placed>, parent: usize, wants_region: bool) {
        let kind = match tree[parent].kind {
            "BRANCH" => "SITE",
            _ if wants_region => "REGION",
            _ => "BRANCH",
        };
        let region = tree[parent].region.or((kind == "REGION").then_some(tree.len()));
        tree.push(Placed { parent: Some(parent), kind, region });
    }

    /// Puts this group in the place of whatever stands in the database.
    async fn replace(&self, app: &TestApp) {
        let sql = |kind, number| sql_id(app.engine, id(kind, number));
        for table in ["contact", "customer", "party", "delegation", "post", "session", "user_account", "org_path", "org_unit"] {
            app.execute(&format!("DELETE FROM {table}")).await;
        }
        let ours: Vec<String> = (0..16).map(|number| sql(RULE, number)).collect();
        app.execute(&format!("DELETE FROM policy_rule WHERE id IN ({})", ours.join(", "))).await;
        app.execute("INSERT INTO role (code, title) VALUES ('x1', 'One'), ('x2', 'Two'), ('x3', 'Three') ON CONFLICT DO NOTHING").await;

        let tree = self.tree();
        let modes: Vec<Option<&str>> = std::iter::once(self.head).chain(self.units.iter().map(|unit| unit.2)).collect();
        let (mut units, mut paths) = (Vec::new(), Vec::new());
        for (at, placed) in tree.iter().enumerate() {
            let (unit, parent) = (sql(UNIT, at), or_null(placed.parent.map(|parent| sql(UNIT, parent))));
            let region = or_null(placed.region.map(|region| sql(UNIT, region)));
            let mode = or_null(modes.get(at).copied().flatten().map(sql_text));
            units.push(format!("({unit}, 'U{at}', 'Unit {at}', '{}', {parent}, {region}, {mode}, 1, 1, 1)", placed.kind));
            let mut above = Some(at);
            for depth in 0.. {
                let Some(ancestor) = above else { break };
                paths.push(format!("({}, {unit}, {depth})", sql(UNIT, ancestor)));
                above = tree[ancestor].parent;
            }
        }
        let columns = "(id, code, name, kind, parent_id, region_id, business_mode, created_at, updated_at, version)";
        insert(app, &format!("org_unit {columns}"), units).await;
        insert(app, "org_path (ancestor_id, descendant_id, depth)", paths).await;
        // Posts stand among the units at random and the first of the crowd.
        self.write_people(app, tree.len() - self.crowd.saturating_sub(2)).await;
        self.write_customers(app, &tree).await;
        app.rights_changed().await;
    }

    async fn write_people(&self, app: &TestApp, units: usize) {
        let sql = |kind, number| sql_id(app.engine, id(kind, number));
        let users = (0..self.users.len()).map(|at| format!("({}, 'u{at}', 'User {at}', 1, 1, 1)", sql(USER, at)));
        insert(app, "user_account (id, username, name, created_at, updated_at, version)", users.collect()).await;
        let (mut posts, mut holders) = (Vec::new(), Vec::new());
        for (user, held) in self.users.iter().enumerate() {
            for (role, unit, span, absent) in held {
                let (from, to) = span.moments();
                let absent = absent.map(|absent| absent.index(self.users.len())).filter(|absent| *absent != user);
                let origin = if absent.is_some() { "ACTING" } else { "DIRECT" };
                let absent = or_null(absent.map(|absent| sql(USER, absent)));
                holders.push(user);
                let (post, user, unit) = (sql(POST, posts.len()), sql(USER, user), sql(UNIT, unit.index(units)));
                let role = role.get(&ROLES);
                posts.push(format!("({post}, {user}, '{role}', {unit}, {from}, {}, 1, '{origin}', {absent})", or_null(to)));
            }
        }
        insert(app, "post (id, user_id, role, unit_id, valid_from, valid_to, created_at, origin, acting_for)", posts).await;
        let lendable: Vec<(&str, &str)> = PAIRS.into_iter().chain(NEVER_LENT).collect();
        let lent = self.lent.iter().enumerate().filter(|_| !holders.is_empty()).map(|(at, (post, delegate, pairs, level, span))| {
            let (post, (from, to)) = (post.index(holders.len()), span.moments());
            let (id, delegator, delegate) = (sql(DELEGATION, at), sql(USER, holders[post]), sql(USER, delegate.index(self.users.len())));
            let actions: Vec<String> = pairs.iter().map(|pair| pair.get(&lendable)).map(|(one, two)| format!("\"{one}:{two}\"")).collect();
            let (post, to) = (sql(POST, post), to.unwrap_or(FAR_AHEAD));
            format!("({id}, {post}, {delegator}, {delegate}, '[{}]', '{level}', {from}, {to}, 1, 1, 1)", actions.join(", "))
        });
        let columns = "(id, post_id, delegator_id, delegate_id, actions, level, valid_from, valid_to, created_at, updated_at, version)";
        insert(app, &format!("delegation {columns}"), lent.collect()).await;
        let rules = self.rules.iter().enumerate().map(|(at, (role, pair, reach, level, denies))| {
            let ((resource, action), role) = (pair.get(&PAIRS), role.get(&ROLES));
            let (reach, level, effect) = if *denies { ("*", "*", "deny") } else { (*reach, *level, "allow") };
            format!("({}, '{role}', '{resource}', '{action}', '{reach}', '{level}', '{effect}')", sql(RULE, at))
        });
        insert(app, "policy_rule (id, role, resource, action, reach, level, effect)", rules.collect()).await;
    }

    async fn write_customers(&self, app: &TestApp, tree: &[Placed]) {
        let sql = |kind, number| sql_id(app.engine, id(kind, number));
        let (mut parties, mut customers, mut contacts) = (Vec::new(), Vec::new(), Vec::new());
        for (at, row) in self.customers.iter().enumerate() {
            let (customer, unit) = (sql(CUSTOMER, at), row.unit.index(tree.len()));
            let region = or_null(tree[unit].region.map(|region| sql(UNIT, region)));
            let place = format!("{}, {region}", sql(UNIT, unit));
            let owner = or_null(row.owner.map(|owner| sql(USER, owner.index(self.users.len()))));
            let reference = or_null((at % 5 != 0).then(|| format!("'R-{}'", at * 7 % 64)));
            let Customer { class, name, created, .. } = row;
            let industry = or_null(row.industry.map(sql_text));
            let (income, currency) = (or_null(row.income), or_null(row.income.map(|_| "'CNY'")));
            let archived = or_null(row.is_archived.then_some(7));
            parties.push(format!("({customer}, 1)"));
            // Two customers share a phone number, so that a filter finds one in reach and one beyond.
            customers.push(format!(
                "({customer}, {customer}, {place}, {}, {reference}, {owner}, 'COMPANY', '{class}', '{name}', '{name}', {industry}, \
                 '1380000{:04}', 'mail{at}@example.com', 'Some street {at}', '1990-01-01', 'FEMALE', 'Baker', 'School', {income}, \
                 {currency}, '{{\"size\":\"{at}\"}}', {created}, {}, 1, {archived})",
                sql(UNIT, unit),
                at / 2,
                created * 31 % 4,
            ));
            for is_archived in &row.contacts {
                let number = contacts.len();
                contacts.push(format!(
                    "({}, {customer}, {place}, 'Person {}', 'Boss', '1390000{number:04}', 'p{number}@example.com', {}, 1, 1, {})",
                    sql(CONTACT, number),
                    number % 4,
                    number % 3,
                    or_null(is_archived.then_some(7)),
                ));
            }
        }
        insert(app, "party (id, created_at)", parties).await;
        let columns = "(id, party_id, unit_id, region_id, origin_unit_id, external_ref, owner_id, kind, class, name, name_folded, \
                       industry, phone, email, address, birth_date, gender, occupation, education, annual_income_minor, annual_income_currency, \
                       custom, created_at, updated_at, version, archived_at)";
        insert(app, &format!("customer {columns}"), customers).await;
        let columns = "(id, customer_id, unit_id, region_id, name, role, phone, email, created_at, updated_at, version, archived_at)";
        insert(app, &format!("contact {columns}"), contacts).await;
    }
}

async fn insert(app: &TestApp, into: &str, rows: Vec<String>) {
    if !rows.is_empty() {
        app.execute(&format!("INSERT INTO {into} VALUES {} ON CONFLICT DO NOTHING", rows.join(", "))).await;
    }
}

/// One property on both databases: `on_groups_at_random! { name(cases, [customers, crowd]) = property; }`.
#[macro_export]
macro_rules! on_groups_at_random {
    ($($name:ident($cases:expr, $size:expr) = $property:path;)*) => {$(
        mod $name {
            use super::*;

            async fn body(engine: $crate::app::Engine) {
                if let Some(app) = $crate::app::TestApp::start_empty(engine).await {
                    $crate::groups::on_groups(&app, $cases, $size, $property);
                }
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                body($crate::app::Engine::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                body($crate::app::Engine::Postgres).await;
            }
        }
    )*};
}
