//! Writing customers.

use std::collections::BTreeMap;

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};
use entity::{CustomerId, UnitId, UserId};
use time::Date;

use super::object::Customer;
use crate::access::Permits;
use crate::access::action::{CustomerArchive, CustomerAssign, CustomerCreate, CustomerUpdate};
use crate::customer::{CustomerRow, Customers, Draft, NewCustomer};
use crate::error::{Error, Violation};
use crate::graphql::context::Ask;
use crate::graphql::id::{from_global, of_client};
use crate::graphql::money::MoneyInput;
use crate::graphql::patch::patch;
use crate::graphql::words::{CustomerClass, CustomerKind};
use crate::patch::Patch;
use crate::secrets::Secrets;

/// The value of a custom field.
#[derive(Clone, InputObject)]
pub struct CustomFieldInput {
    /// The key: a lower-case letter, then lower-case letters, digits and _.
    key: String,
    /// The value; null removes it.
    value: Option<String>,
}

/// A customer to be.
#[derive(Clone, InputObject)]
pub struct CreateCustomerInput {
    /// The id that it will have, where you have made one already, offline perhaps, so that what follows may name it: a UUID v7 as a global
    /// id, which is base64url without padding of `Customer:` and the 32 hexadecimal digits. In use: CONFLICT. Omitted: a new one.
    id: Option<ID>,
    /// The unit that will serve it.
    unit_id: ID,
    /// A person or a company.
    kind: CustomerKind,
    /// The name, at most 200 characters.
    name: String,
    /// What other systems call it; unique at the unit.
    external_ref: Option<String>,
    /// How far the relationship has come; ACCOUNT where omitted.
    class: Option<CustomerClass>,
    /// Whose customer it will be: omitted, yours if you work customers of your own at the unit; null, nobody's; somebody else's needs the
    /// right to assign.
    owner_id: MaybeUndefined<ID>,
    /// Line of business.
    industry: Option<String>,
    /// Phone number.
    phone: Option<String>,
    /// E-mail address.
    email: Option<String>,
    /// Postal address.
    address: Option<String>,
    /// Day of birth.
    birth_date: Option<Date>,
    /// Gender, as the person says.
    gender: Option<String>,
    /// Occupation.
    occupation: Option<String>,
    /// Education.
    education: Option<String>,
    /// Annual income.
    annual_income: Option<MoneyInput>,
    /// ID number of a person, registration number of a company.
    identity_number: Option<String>,
    /// Values of custom fields.
    custom_fields: Option<Vec<CustomFieldInput>>,
}

/// What changes of a customer. An omitted field stays as it is; null empties it. A field that you do not see in clear is FORBIDDEN.
#[derive(Clone, InputObject)]
pub struct UpdateCustomerInput {
    /// The customer.
    id: ID,
    /// The version that you have seen: CONFLICT where the customer has changed since.
    expected_version: Option<i64>,
    /// The name, at most 200 characters.
    name: MaybeUndefined<String>,
    /// A person or a company.
    kind: MaybeUndefined<CustomerKind>,
    /// How far the relationship has come.
    class: MaybeUndefined<CustomerClass>,
    /// Line of business.
    industry: MaybeUndefined<String>,
    /// Phone number.
    phone: MaybeUndefined<String>,
    /// E-mail address.
    email: MaybeUndefined<String>,
    /// Postal address.
    address: MaybeUndefined<String>,
    /// Day of birth.
    birth_date: MaybeUndefined<Date>,
    /// Gender, as the person says.
    gender: MaybeUndefined<String>,
    /// Occupation.
    occupation: MaybeUndefined<String>,
    /// Education.
    education: MaybeUndefined<String>,
    /// Annual income.
    annual_income: MaybeUndefined<MoneyInput>,
    /// ID number of a person, registration number of a company: the whole number, never a masked one.
    identity_number: MaybeUndefined<String>,
    /// Values of custom fields; those not named stay as they are, null removes all.
    custom_fields: MaybeUndefined<Vec<CustomFieldInput>>,
}

/// Who gets a customer.
#[derive(Clone, InputObject)]
pub struct AssignCustomerInput {
    /// The customer.
    id: ID,
    /// The new owner, who holds a post at the customer's unit or above it; null: nobody.
    owner_id: Option<ID>,
    /// The version that you have seen: CONFLICT where the customer has changed since.
    expected_version: Option<i64>,
}

/// Which customer.
#[derive(Clone, InputObject)]
pub struct ArchiveCustomerInput {
    /// The customer.
    id: ID,
    /// The version that you have seen: CONFLICT where the customer has changed since.
    expected_version: Option<i64>,
}

/// What became of the customer.
#[derive(SimpleObject)]
pub struct CustomerPayload {
    /// The customer as it stands and you see it; null where it is out of your sight now.
    customer: Option<Customer>,
}

impl From<Option<CustomerRow>> for CustomerPayload {
    fn from(row: Option<CustomerRow>) -> Self {
        Self { customer: row.map(Customer) }
    }
}

fn money(patch: Patch<MoneyInput>, wrong: &mut Vec<Violation>) -> Result<Patch<(i64, String)>, Error> {
    match patch {
        Patch::Keep => Ok(Patch::Keep),
        Patch::Clear => Ok(Patch::Clear),
        Patch::Set(money) => match money.to_minor("input.annualIncome") {
            Ok(minor) => Ok(Patch::Set(minor)),
            Err(Error::Invalid(violations)) => {
                wrong.extend(violations);
                Ok(Patch::Keep)
            }
            Err(error) => Err(error),
        },
    }
}

fn custom(said: Patch<Vec<CustomFieldInput>>) -> Patch<BTreeMap<String, Option<String>>> {
    said.map(|fields| fields.into_iter().map(|field| (field.key, field.value)).collect())
}

/// Given or not at all: creating has nothing to empty.
fn given<T>(value: Option<T>) -> Patch<T> {
    value.map_or(Patch::Keep, Patch::Set)
}

fn customers<'a>(ctx: &Context<'a>) -> Result<Customers<'a>, Error> {
    Ok(Customers { scoped: ctx.scoped()?, identity: &ctx.given::<Secrets>()?.identity })
}

impl CreateCustomerInput {
    /// Adds the customer.
    pub async fn apply(self, customers: &Customers<'_>) -> Result<Option<CustomerRow>, Error> {
        customers.scoped.viewer().permit::<CustomerCreate>()?;
        let mut wrong = Vec::new();
        let draft = Draft {
            name: Patch::Set(self.name),
            kind: Patch::Set(self.kind.into()),
            class: given(self.class.map(Into::into)),
            industry: given(self.industry),
            phone: given(self.phone),
            email: given(self.email),
            address: given(self.address),
            birth_date: given(self.birth_date),
            gender: given(self.gender),
            occupation: given(self.occupation),
            education: given(self.education),
            annual_income: money(given(self.annual_income), &mut wrong)?,
            identity_number: given(self.identity_number),
            custom: custom(given(self.custom_fields)),
        };
        Error::unless_empty(wrong)?;
        let id = self.id.map(|id| of_client::<CustomerId>(&id, "input.id", customers.scoped.now())).transpose()?;
        let owner = match patch(self.owner_id) {
            Patch::Keep => Patch::Keep,
            Patch::Clear => Patch::Clear,
            Patch::Set(owner) => Patch::Set(from_global::<UserId>(&owner, "input.ownerId")?),
        };
        let unit = from_global::<UnitId>(&self.unit_id, "input.unitId")?;
        customers.create(NewCustomer { id, unit, external_ref: self.external_ref, owner, draft }).await
    }
}

impl UpdateCustomerInput {
    /// Changes the customer.
    pub async fn apply(self, customers: &Customers<'_>) -> Result<Option<CustomerRow>, Error> {
        customers.scoped.viewer().permit::<CustomerUpdate>()?;
        let mut wrong = Vec::new();
        let draft = Draft {
            name: patch(self.name),
            kind: patch(self.kind).map(Into::into),
            class: patch(self.class).map(Into::into),
            industry: patch(self.industry),
            phone: patch(self.phone),
            email: patch(self.email),
            address: patch(self.address),
            birth_date: patch(self.birth_date),
            gender: patch(self.gender),
            occupation: patch(self.occupation),
            education: patch(self.education),
            annual_income: money(patch(self.annual_income), &mut wrong)?,
            identity_number: patch(self.identity_number),
            custom: custom(patch(self.custom_fields)),
        };
        Error::unless_empty(wrong)?;
        let id = from_global::<CustomerId>(&self.id, "input.id")?;
        customers.update(id, draft, self.expected_version).await
    }
}

impl AssignCustomerInput {
    /// Gives the customer its owner.
    pub async fn apply(self, customers: &Customers<'_>) -> Result<Option<CustomerRow>, Error> {
        customers.scoped.viewer().permit::<CustomerAssign>()?;
        let id = from_global::<CustomerId>(&self.id, "input.id")?;
        let owner = self.owner_id.map(|owner| from_global::<UserId>(&owner, "input.ownerId")).transpose()?;
        customers.assign(id, owner, self.expected_version).await
    }
}

impl ArchiveCustomerInput {
    /// Archives the customer, or restores it.
    pub async fn apply(self, customers: &Customers<'_>, archived: bool) -> Result<Option<CustomerRow>, Error> {
        customers.scoped.viewer().permit::<CustomerArchive>()?;
        let id = from_global::<CustomerId>(&self.id, "input.id")?;
        customers.set_archived(id, archived, self.expected_version).await
    }
}

/// Writing customers.
#[derive(Default)]
pub struct CustomerMutation;

#[Object]
impl CustomerMutation {
    /// Adds a customer at a unit. Always a new one: who else in the group knows the person or company is none of this answer's business.
    async fn create_customer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The customer to be.")] input: CreateCustomerInput,
    ) -> Result<CustomerPayload> {
        Ok(input.apply(&customers(ctx)?).await?.into())
    }

    /// Changes fields of a customer.
    async fn update_customer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: UpdateCustomerInput,
    ) -> Result<CustomerPayload> {
        Ok(input.apply(&customers(ctx)?).await?.into())
    }

    /// Gives a customer another owner within its unit, or none.
    async fn assign_customer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who gets which customer.")] input: AssignCustomerInput,
    ) -> Result<CustomerPayload> {
        Ok(input.apply(&customers(ctx)?).await?.into())
    }

    /// Takes a customer out of lists and totals. By id it stays, with `archivedAt`.
    async fn archive_customer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which customer.")] input: ArchiveCustomerInput,
    ) -> Result<CustomerPayload> {
        Ok(input.apply(&customers(ctx)?, true).await?.into())
    }

    /// Brings an archived customer back.
    async fn restore_customer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which customer.")] input: ArchiveCustomerInput,
    ) -> Result<CustomerPayload> {
        Ok(input.apply(&customers(ctx)?, false).await?.into())
    }
}
