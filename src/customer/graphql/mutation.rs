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
use crate::graphql::id::from_global;
use crate::graphql::money::MoneyInput;
use crate::graphql::patch::patch;
use crate::graphql::words::{CustomerClass, CustomerKind};
use crate::patch::Patch;
use crate::secrets::Secrets;

/// The value of a custom field.
#[derive(InputObject)]
pub struct CustomFieldInput {
    /// The key: a lower-case letter, then lower-case letters, digits and _.
    key: String,
    /// The value; null removes it.
    value: Option<String>,
}

/// A customer to be.
#[derive(InputObject)]
pub struct CreateCustomerInput {
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
#[derive(InputObject)]
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
#[derive(InputObject)]
pub struct AssignCustomerInput {
    /// The customer.
    id: ID,
    /// The new owner, who holds a post at the customer's unit or above it; null: nobody.
    owner_id: Option<ID>,
    /// The version that you have seen: CONFLICT where the customer has changed since.
    expected_version: Option<i64>,
}

/// Which customer.
#[derive(InputObject)]
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
        let customers = customers(ctx)?;
        customers.scoped.viewer().permit::<CustomerCreate>()?;
        let mut wrong = Vec::new();
        let draft = Draft {
            name: Patch::Set(input.name),
            kind: Patch::Set(input.kind.into()),
            class: given(input.class.map(Into::into)),
            industry: given(input.industry),
            phone: given(input.phone),
            email: given(input.email),
            address: given(input.address),
            birth_date: given(input.birth_date),
            gender: given(input.gender),
            occupation: given(input.occupation),
            education: given(input.education),
            annual_income: money(given(input.annual_income), &mut wrong)?,
            identity_number: given(input.identity_number),
            custom: custom(given(input.custom_fields)),
        };
        Error::unless_empty(wrong)?;
        let owner = match patch(input.owner_id) {
            Patch::Keep => Patch::Keep,
            Patch::Clear => Patch::Clear,
            Patch::Set(owner) => Patch::Set(from_global::<UserId>(&owner, "input.ownerId")?),
        };
        let unit = from_global::<UnitId>(&input.unit_id, "input.unitId")?;
        Ok(customers.create(NewCustomer { unit, external_ref: input.external_ref, owner, draft }).await?.into())
    }

    /// Changes fields of a customer.
    async fn update_customer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: UpdateCustomerInput,
    ) -> Result<CustomerPayload> {
        let customers = customers(ctx)?;
        customers.scoped.viewer().permit::<CustomerUpdate>()?;
        let mut wrong = Vec::new();
        let draft = Draft {
            name: patch(input.name),
            kind: patch(input.kind).map(Into::into),
            class: patch(input.class).map(Into::into),
            industry: patch(input.industry),
            phone: patch(input.phone),
            email: patch(input.email),
            address: patch(input.address),
            birth_date: patch(input.birth_date),
            gender: patch(input.gender),
            occupation: patch(input.occupation),
            education: patch(input.education),
            annual_income: money(patch(input.annual_income), &mut wrong)?,
            identity_number: patch(input.identity_number),
            custom: custom(patch(input.custom_fields)),
        };
        Error::unless_empty(wrong)?;
        let id = from_global::<CustomerId>(&input.id, "input.id")?;
        Ok(customers.update(id, draft, input.expected_version).await?.into())
    }

    /// Gives a customer another owner within its unit, or none.
    async fn assign_customer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who gets which customer.")] input: AssignCustomerInput,
    ) -> Result<CustomerPayload> {
        let customers = customers(ctx)?;
        customers.scoped.viewer().permit::<CustomerAssign>()?;
        let id = from_global::<CustomerId>(&input.id, "input.id")?;
        let owner = input.owner_id.map(|owner| from_global::<UserId>(&owner, "input.ownerId")).transpose()?;
        Ok(customers.assign(id, owner, input.expected_version).await?.into())
    }

    /// Takes a customer out of lists and totals. By id it stays, with `archivedAt`.
    async fn archive_customer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which customer.")] input: ArchiveCustomerInput,
    ) -> Result<CustomerPayload> {
        let customers = customers(ctx)?;
        customers.scoped.viewer().permit::<CustomerArchive>()?;
        let id = from_global::<CustomerId>(&input.id, "input.id")?;
        Ok(customers.set_archived(id, true, input.expected_version).await?.into())
    }

    /// Brings an archived customer back.
    async fn restore_customer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which customer.")] input: ArchiveCustomerInput,
    ) -> Result<CustomerPayload> {
        let customers = customers(ctx)?;
        customers.scoped.viewer().permit::<CustomerArchive>()?;
        let id = from_global::<CustomerId>(&input.id, "input.id")?;
        Ok(customers.set_archived(id, false, input.expected_version).await?.into())
    }
}
