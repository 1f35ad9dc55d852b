//! Customers from a file: found by their reference at the unit where they began, added or changed, never moved; the owner counts on
//! creation only.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use entity::{UnitId, UserId, customer};

use super::{Draft, Reference, blank, fill, insert, repo, rules};
use crate::access::action::{CustomerAssign, CustomerCreate, CustomerImport as Importing, CustomerUpdate};
use crate::access::visible::Place;
use crate::access::{Permit, Permits};
use crate::db::{Row, Scoped};
use crate::error::{Error, Violation};
use crate::import::{Outcome, RowError, RowResult, Seen};
use crate::org;
use crate::record::{Said, change_row};
use crate::secrets::Identity;

/// A row of a `customers` file.
#[derive(Clone, Debug)]
pub struct CustomerLine {
    /// What other systems call it.
    pub external_ref: String,
    /// The code of the unit; none: HQ.
    pub branch_code: Option<String>,
    /// The user name of the owner, on creation.
    pub owner: Option<String>,
    /// Everything else.
    pub draft: Draft,
}

/// A row with its unit, or why it cannot stand.
type Placed = Result<(CustomerLine, UnitId), RowError>;

/// What is known while a file is read.
pub struct CustomerImport {
    known: Arc<Known>,
    seen: Seen,
}

struct Known {
    scoped: Scoped,
    permit: Permit<Importing>,
    identity: Arc<Identity>,
    units: HashMap<String, UnitId>,
    root: Option<String>,
}

impl CustomerImport {
    /// Reads the units in sight. Errors: FORBIDDEN without the right to import customers.
    pub async fn init(scoped: &Scoped, identity: &Arc<Identity>) -> Result<Self, Error> {
        let permit = scoped.viewer().permit::<Importing>()?;
        let rows = org::every_unit(scoped).await?;
        let root = rows.iter().find(|row| row.model.parent_id.is_none()).map(|row| row.model.code.clone());
        let units = rows.into_iter().map(|row| (row.model.code, row.model.id)).collect();
        let known = Known { scoped: scoped.clone(), permit, identity: identity.clone(), units, root };
        Ok(Self { known: Arc::new(known), seen: Seen::default() })
    }

    /// Takes in some rows in one unit of work. What comes back does not wait for the rows before: no two of a file are about one customer.
    pub fn take_in(&mut self, lines: Vec<CustomerLine>) -> impl Future<Output = Result<Vec<RowResult>, Error>> + Send + use<> {
        let placed = lines.into_iter().map(|line| self.place(line)).collect();
        let known = self.known.clone();
        async move { known.scoped.clone().transaction(move |tx| async move { known.write(&tx, placed).await }).await }
    }

    /// The unit of a row, if the row can stand at all.
    fn place(&mut self, line: CustomerLine) -> Placed {
        if let Some(wrong) = rules::reference_violation("external_ref", &line.external_ref) {
            return Err(wrong.into());
        }
        let code = line.branch_code.as_ref().or(self.known.root.as_ref());
        let code = code.ok_or_else(|| RowError::at("branch_code", "is empty, and the importing user does not see HQ"))?;
        let unit = *self.known.units.get(code).ok_or_else(|| RowError::unknown("branch_code", code))?;
        if !self.seen.is_new(&(unit, &line.external_ref)) {
            return Err(RowError::at("external_ref", format!("'{}' stands in the file twice for this branch", line.external_ref)));
        }
        let draft = line.draft.trimmed();
        let wrong = draft.violations("", self.known.scoped.clock().today()).into_iter().next();
        wrong.map_or(Ok((CustomerLine { draft, ..line }, unit)), |wrong| Err(wrong.into()))
    }
}

impl Known {
    async fn write(&self, tx: &Scoped, placed: Vec<Placed>) -> Result<Vec<RowResult>, Error> {
        let mut references: Vec<Reference> = placed.iter().flatten().map(|(line, unit)| (*unit, line.external_ref.clone())).collect();
        // Held: what moves or archives a unit comes before these rows or after them.
        let units: HashSet<UnitId> = references.iter().map(|(unit, _)| *unit).collect();
        let units = org::units_for_share(tx, units.into_iter().collect()).await?;
        let mut standing: HashMap<Reference, Row<customer::Entity>> = HashMap::new();
        for row in repo::referred_for_update(tx, references.clone()).await? {
            if let Some(reference) = row.model.external_ref.clone() {
                standing.insert((row.model.origin_unit_id, reference), row);
            }
        }
        let mut taken = HashSet::new();
        if tx.viewer().user_id().is_some()
            && let Ok(creates) = tx.viewer().permit::<CustomerCreate>()
        {
            references.retain(|reference| !standing.contains_key(reference));
            taken = repo::taken_among(tx, &creates, references).await?;
        }
        let owners = self.owners(tx, &placed).await?;
        let mut results = Vec::with_capacity(placed.len());
        let mut new = Vec::new();
        for line in placed {
            results.push(match line {
                Err(wrong) => Err(wrong),
                Ok((line, unit)) => {
                    let key = (unit, line.external_ref.clone());
                    match standing.get(&key) {
                        Some(row) => self.change(tx, row, line).await?,
                        // Whether a reference is in use is told only to whoever may create there.
                        None => match self.create(tx, line, units.get(&unit), &owners) {
                            Ok(_) if taken.contains(&key) => {
                                Err(RowError::at("external_ref", "is in use by a customer out of the importing user's sight"))
                            }
                            Ok(row) => {
                                new.push(row);
                                Ok(Outcome::Added)
                            }
                            Err(error) => Err(RowError::of_row(error)?),
                        },
                    }
                }
            });
        }
        if !new.is_empty() {
            insert(tx, &tx.viewer().permit::<CustomerCreate>()?, new).await?;
        }
        Ok(results)
    }

    async fn owners(&self, tx: &Scoped, placed: &[Placed]) -> Result<HashMap<String, Owner>, Error> {
        let names: HashSet<String> = placed.iter().flatten().filter_map(|(line, ..)| line.owner.clone()).collect();
        if names.is_empty() {
            return Ok(HashMap::new());
        }
        let users = org::users_by_names(tx, names.into_iter().collect()).await?;
        let posts = org::active_posts(tx, users.iter().map(|user| user.model.id).collect()).await?;
        let mut units: HashMap<UserId, Vec<UnitId>> = HashMap::new();
        for post in posts {
            units.entry(post.user_id).or_default().push(post.unit_id);
        }
        let mut owner = |id: UserId| Owner { id, units: units.remove(&id).unwrap_or_default() };
        Ok(users.into_iter().map(|user| (user.model.username, owner(user.model.id))).collect())
    }

    async fn change(&self, tx: &Scoped, row: &Row<customer::Entity>, line: CustomerLine) -> Result<RowResult, Error> {
        if !row.place.is_some_and(|place| tx.reaches(&self.permit, place)) {
            return Ok(Err(RowError::of_row(Error::forbidden())?));
        }
        let done = match tx.viewer().permit::<CustomerUpdate>() {
            Ok(permit) => {
                let said = Said { fields: line.draft.said(), expected_version: None };
                change_row::<customer::Entity, _>(tx, &permit, row, &said, |row| fill(row, line.draft, &self.identity)).await
            }
            Err(error) => Err(error),
        };
        match done {
            Ok(true) => Ok(Ok(Outcome::Changed)),
            Ok(false) => Ok(Ok(Outcome::Unchanged)),
            Err(error) => Ok(Err(RowError::of_row(error)?)),
        }
    }

    fn create(
        &self,
        tx: &Scoped,
        line: CustomerLine,
        standing: Option<&org::UnitRow>,
        owners: &HashMap<String, Owner>,
    ) -> Result<customer::Model, Error> {
        let standing = &standing.ok_or_else(|| Error::not_found_field("branch_code"))?.model;
        let (unit, region) = (standing.id, standing.region_id);
        let permit: Permit<CustomerCreate> = tx.viewer().permit()?;
        // Who holds posts where is told last, to whoever may import, create and assign there.
        let owner = line.owner.as_ref().and_then(|name| owners.get(name)).map(|owner| owner.id);
        let place = Place { unit, owner };
        if !tx.reaches(&self.permit, place) || !tx.reaches(&permit, place) {
            return Err(Error::forbidden_field("branch_code"));
        }
        org::unless_archived(standing, "branch_code")?;
        if line.owner.is_some() && (owner.is_none() || owner != tx.viewer().user_id()) {
            let assign = tx.viewer().permit::<CustomerAssign>().is_ok_and(|assign| tx.reaches(&assign, place));
            if !assign {
                return Err(Error::forbidden_field("owner"));
            }
        }
        if let Some(name) = &line.owner {
            owner_at(tx, owners, name, unit)?;
        }
        let mut row = blank(tx, unit, region);
        row.external_ref = Some(line.external_ref);
        row.owner_id = owner;
        fill(&mut row, line.draft, &self.identity)?;
        Ok(row)
    }
}

struct Owner {
    id: UserId,
    units: Vec<UnitId>,
}

/// Somebody in sight with a post at the unit or above it.
fn owner_at(tx: &Scoped, owners: &HashMap<String, Owner>, name: &str, unit: UnitId) -> Result<(), Error> {
    let wrong = |text: &str| Error::invalid(Violation::new("owner", "owner", text, text));
    let owner = owners.get(name).ok_or_else(|| wrong("there is no such user that the importing user can see"))?;
    let holds = tx.viewer().tree().line(unit).any(|above| owner.units.contains(&above.id));
    if holds { Ok(()) } else { Err(wrong("holds no post at the customer's unit")) }
}
