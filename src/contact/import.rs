//! Contacts from a file: found by name at their customer, added or changed.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use entity::{CustomerId, UnitId, contact};

use super::{ContactDraft, ContactRow, blank, insert, may_have_contacts, repo};
use crate::access::action::{ContactCreate, ContactUpdate, CustomerImport};
use crate::access::{Permit, Permits};
use crate::customer::{self, CustomerRow, Reference};
use crate::db::Scoped;
use crate::error::Error;
use crate::import::{Outcome, Refused, RowError, RowResult, Seen};
use crate::org;
use crate::record::{Said, change_row};

/// A row of a `contacts` file.
#[derive(Clone, Debug)]
pub struct ContactLine {
    /// The reference of the customer.
    pub customer_ref: String,
    /// The code of the unit where the customer began; none: HQ.
    pub branch_code: Option<String>,
    /// The name, as it stands in the draft.
    pub name: String,
    /// Everything.
    pub draft: ContactDraft,
}

type Key = (CustomerId, String);

/// What is known while a file is read.
pub struct ContactImport {
    known: Arc<Known>,
}

struct Known {
    scoped: Scoped,
    permit: Permit<CustomerImport>,
    units: HashMap<String, UnitId>,
    root: Option<String>,
    /// Customers and names.
    seen: Mutex<Seen>,
}

impl ContactImport {
    /// Reads the units in sight. Errors: FORBIDDEN without the right to import.
    pub async fn init(scoped: &Scoped) -> Result<Self, Error> {
        let permit = scoped.viewer().permit::<CustomerImport>()?;
        let rows = org::every_unit(scoped).await?;
        let root = rows.iter().find(|row| row.model.parent_id.is_none()).map(|row| row.model.code.clone());
        let units = rows.into_iter().map(|row| (row.model.code, row.model.id)).collect();
        let known = Known { scoped: scoped.clone(), permit, units, root, seen: Mutex::default() };
        Ok(Self { known: Arc::new(known) })
    }

    /// Takes in some rows in one unit of work, to be awaited before the next.
    pub fn take_in(&mut self, lines: Vec<ContactLine>) -> impl Future<Output = Result<Vec<RowResult>, Error>> + Send + use<> {
        let known = self.known.clone();
        async move { known.scoped.clone().transaction(move |tx| async move { known.write(&tx, lines).await }).await }
    }
}

impl Known {
    fn unit(&self, line: &ContactLine) -> Result<UnitId, RowError> {
        let code = line.branch_code.as_ref().or(self.root.as_ref());
        let code = code.ok_or_else(|| RowError::at("branch_code", "is empty, and the importing user does not see HQ"))?;
        self.units.get(code).copied().ok_or_else(|| RowError::unknown("branch_code", code))
    }

    async fn write(&self, tx: &Scoped, lines: Vec<ContactLine>) -> Result<Vec<RowResult>, Error> {
        // Several contacts of a customer stand in one file more often than not.
        let references: HashSet<Reference> =
            lines.iter().filter_map(|line| Some((self.unit(line).ok()?, line.customer_ref.clone()))).collect();
        let mut customers: HashMap<Reference, CustomerRow> = HashMap::new();
        for row in customer::referred_for_update(tx, references.into_iter().collect()).await? {
            if let Some(reference) = row.model.external_ref.clone() {
                customers.insert((row.model.origin_unit_id, reference), row);
            }
        }
        let ids = customers.values().map(|row| row.model.id).collect();
        let mut standing: HashMap<Key, ContactRow> = HashMap::new();
        let mut theirs = repo::of_customers(tx, ids).await?;
        // Of namesakes the oldest that is in use, every time.
        theirs.sort_by_key(|row| (row.model.archived_at.is_some(), row.model.created_at, row.model.id));
        for row in theirs {
            standing.entry((row.model.customer_id, row.model.name.clone())).or_insert(row);
        }
        let mut results = Vec::with_capacity(lines.len());
        let mut new = Vec::new();
        for line in lines {
            results.push(match self.one(tx, line, &customers, &standing, &mut new).await {
                Ok(outcome) => Ok(outcome),
                Err(refused) => Err(refused.of_row()?),
            });
        }
        if !new.is_empty() {
            insert(tx, &tx.viewer().permit::<ContactCreate>()?, new).await?;
        }
        Ok(results)
    }

    async fn one(
        &self,
        tx: &Scoped,
        line: ContactLine,
        customers: &HashMap<Reference, CustomerRow>,
        standing: &HashMap<Key, ContactRow>,
        new: &mut Vec<(crate::access::visible::Place, contact::Model)>,
    ) -> Result<Outcome, Refused> {
        let unit = self.unit(&line)?;
        let customer = customers.get(&(unit, line.customer_ref.clone()));
        let customer = customer.ok_or_else(|| RowError::unknown("customer_ref", &line.customer_ref))?;
        if !customer.place.is_some_and(|place| tx.reaches(&self.permit, place)) {
            return Err(Error::forbidden().into());
        }
        let draft = line.draft.trimmed();
        if let Some(wrong) = draft.violations("").into_iter().next() {
            return Err(RowError::from(wrong).into());
        }
        let key = (customer.model.id, line.name);
        if !self.seen.lock().map_err(|_| Error::internal("an earlier batch panicked"))?.is_new(&key) {
            return Err(RowError::at("name", "stands in the file twice for this customer").into());
        }
        if let Some(row) = standing.get(&key) {
            let permit = tx.viewer().permit::<ContactUpdate>()?;
            let said = Said { fields: draft.said(), expected_version: None };
            let changed = change_row::<contact::Entity, _>(tx, &permit, row, &said, |row| {
                draft.apply(row);
                Ok(())
            });
            return Ok(if changed.await? { Outcome::Changed } else { Outcome::Unchanged });
        }
        let permit = tx.viewer().permit::<ContactCreate>()?;
        let place = may_have_contacts(tx, &permit, customer).ok_or_else(Error::forbidden)?;
        let mut row = blank(tx, &customer.model);
        draft.apply(&mut row);
        new.push((place, row));
        Ok(Outcome::Added)
    }
}
