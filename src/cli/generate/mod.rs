//! `branchwise generate`: a group of any size, skewed like real ones: one huge branch, quiet ones, regions inside regions. The same seed
//! makes the same data, ids and times included; only the password and the audit row tell when it was made.

mod customers;
mod dice;
mod group;
mod staff;
mod words;

use std::collections::VecDeque;
use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use clap::Args;
use entity::{contact, post, user};
use indicatif::HumanCount;
use serde_json::json;
use tokio::task::JoinHandle;

use super::import::progress::Progress;
use super::import::source::{Counter, Size};
use super::{Failure, start, user as accounts};
use crate::access::action::{ContactCreate, CustomerCreate, OrganisationAdminister};
use crate::access::visible::Place;
use crate::access::{Permit, Permits};
use crate::audit::{self, Changes, Entry, RecordType};
use crate::customer::repo as customer_rows;
use crate::db::{Rights, Scoped, Touched, operator_unscoped};
use crate::error::Error;
use crate::org;
use crate::secrets::{hash_password, random_text};
use customers::{Batch, Market};
use group::Unit;
use staff::Staff;

/// Customers that are drawn together, from one stream of the dice. Another number makes other groups.
const BATCH: u64 = 2_000;

/// What a group is made of.
#[derive(Args, Clone, Debug)]
pub struct Plan {
    /// How many customers.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=100_000_000))]
    pub customers: u64,
    /// How many branches; some have sites besides.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub branches: u64,
    /// How many regions, some of them inside others.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=1_000))]
    pub regions: u64,
    /// Another number makes another group, the same number the same.
    #[arg(long, value_name = "N")]
    pub seed: u64,
}

#[derive(Args)]
pub struct Generate {
    #[command(flatten)]
    plan: Plan,
    /// Reads everybody's password from the first line of standard input; without it one is made and printed.
    #[arg(long)]
    password_stdin: bool,
}

/// What was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// Units of every kind.
    pub units: u64,
    /// Users, each with a post.
    pub users: u64,
    /// Customers.
    pub customers: u64,
    /// Contacts of some of them.
    pub contacts: u64,
}

impl Generate {
    pub async fn run(self) -> Result<(), Failure> {
        let config = start::config()?;
        let given = if self.password_stdin { Some(accounts::password(true)?) } else { None };
        let password = given.clone().map_or_else(random_text, Ok)?;
        let db = start::database_for_bulk(&config, true).await?;
        let rights = Rights::init(db.clone()).await?;
        let operator = db.seen_by(operator_unscoped(&rights));
        start::writes(&config, &operator).await?;
        let made = generate(&operator, self.plan, &password, &config.currency).await?;
        db.close().await;
        let mut out = std::io::stdout();
        writeln!(
            out,
            "{} units, {} users, {} customers, {} contacts",
            HumanCount(made.units),
            HumanCount(made.users),
            HumanCount(made.customers),
            HumanCount(made.contacts)
        )?;
        if given.is_none() {
            writeln!(out, "everybody's password, told this once: {password}")?;
        }
        Ok(writeln!(out, "sign in as hq.admin, hq.director or the manager of a branch, whose name begins with its code in lower case")?)
    }
}

/// Makes a group in a database without one. Errors: where there is an HQ already, and what the database says.
pub async fn generate(scoped: &Scoped, plan: Plan, password: &str, currency: &str) -> Result<Made, Failure> {
    if let Some(root) = org::every_unit(scoped).await?.into_iter().find(|unit| unit.model.parent_id.is_none()) {
        let root = root.model.code;
        return Err(Failure::new(format!("the database holds a group already, of HQ '{root}': name an empty one in DATABASE_URL")));
    }
    let mut units = group::units(plan.branches, plan.regions, plan.seed);
    let staff = staff::staff(&mut units, &hash_password(password)?, plan.seed);
    let mut made = Made { units: units.len() as u64, users: staff.users.len() as u64, ..Made::default() };
    let market = Arc::new(Market::new(units.clone(), plan.customers, currency, plan.seed));
    let counter = Counter::default();
    let progress = Progress::new(Size::Rows(plan.customers), counter.clone());
    let total = plan.customers;
    scoped.administer(move |tx, permit| async move { found(&tx, &permit, units, staff, &plan).await }).await?;
    let mut written: VecDeque<JoinHandle<Result<(u64, u64), Error>>> = VecDeque::new();
    let shares = scoped.shares();
    let batches = Ord::max(1, shares.rows as u64 / BATCH);
    let mut first = 0;
    while first < total || !written.is_empty() {
        if first < total && written.len() < shares.lanes {
            let end = Ord::min(total, first + batches * BATCH);
            written.push_back(tokio::spawn(write(scoped.clone(), market.clone(), first..end)));
            first = end;
        } else if let Some(batch) = written.pop_front() {
            let (customers, contacts) = batch.await.map_err(|_| Error::internal("a batch panicked"))??;
            made.customers += customers;
            made.contacts += contacts;
            counter.add(customers);
            progress.look();
        }
    }
    progress.finish();
    Ok(made)
}

/// Units, people, and the audit row that tells of the whole.
async fn found(tx: &Scoped, permit: &Permit<OrganisationAdminister>, units: Vec<Unit>, staff: Staff, plan: &Plan) -> Result<(), Error> {
    let Some(hq) = units.first().map(|unit| unit.row.id) else { return Ok(()) };
    let at_hq = Place { unit: hq, owner: None };
    for unit in units {
        tx.hang(permit, at_hq, unit.row).await?;
    }
    tx.insert::<user::Entity, _>(permit, staff.users.into_iter().map(|user| (at_hq, user)).collect()).await?;
    tx.insert::<post::Entity, _>(permit, staff.posts.into_iter().map(|post| (at_hq, post)).collect()).await?;
    let mut changes = Changes::new();
    let Plan { customers, branches, regions, seed } = plan;
    changes.insert("generated".to_owned(), json!({ "customers": customers, "branches": branches, "regions": regions, "seed": seed }));
    audit::record(tx, vec![Entry::of::<OrganisationAdminister>(RecordType::OrgUnit, hq, audit::at(hq), changes)]).await?;
    tx.touch_rights(Touched::Group).await
}

/// Makes and writes some batches in one unit of work. The rows have no audit rows of their own: nobody did anything to them.
async fn write(scoped: Scoped, market: Arc<Market>, numbers: Range<u64>) -> Result<(u64, u64), Error> {
    let mut batch = Batch::default();
    for first in numbers.step_by(usize::try_from(BATCH).unwrap_or(usize::MAX)) {
        let next = market.batch(first, BATCH);
        batch.customers.extend(next.customers);
        batch.contacts.extend(next.contacts);
    }
    let Batch { customers, contacts } = batch;
    let sums = (customers.len() as u64, contacts.len() as u64);
    scoped
        .transaction(move |tx| async move {
            customer_rows::insert(&tx, &tx.viewer().permit::<CustomerCreate>()?, customers).await?;
            let placed = contacts.into_iter().map(|row| (Place { unit: row.unit_id, owner: None }, row)).collect();
            tx.insert::<contact::Entity, _>(&tx.viewer().permit::<ContactCreate>()?, placed).await?;
            Ok(sums)
        })
        .await
}
