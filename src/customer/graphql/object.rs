//! A customer as this viewer sees it: each field by its class and the level of the row.

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use entity::customer::Model;
use entity::{CustomerId, contact};
use time::{Date, OffsetDateTime};

use crate::access::{Level, mask_email, mask_end, mask_phone, mask_text};
use crate::contact::filter::listed;
use crate::contact::graphql::{Contact, ContactConnection};
use crate::contact::repo::oldest_first;
use crate::customer::{CustomerRow, fields};
use crate::db::Asked;
use crate::graphql::connection::connection;
use crate::graphql::context::Ask;
use crate::graphql::id::to_global;
use crate::graphql::limits::words::{About, Paged};
use crate::graphql::listing::page_under;
use crate::graphql::loader::Loader;
use crate::graphql::money::Money;
use crate::graphql::page::{PageArgs, Paging};
use crate::graphql::words::{CustomerClass, CustomerKind, SightLevel};
use crate::history::graphql::{HistoryConnection, history_of};
use crate::org::graphql::{OrgUnit, User};
use crate::record::hidden_fields;
use crate::secrets::Secrets;

/// A customer: one unit's relationship with a person or company.
pub struct Customer(pub CustomerRow);

connection!(CustomerConnection, CustomerEdge, Customer, "customers");

/// The value of a custom field.
#[derive(SimpleObject)]
pub struct CustomFieldValue {
    /// The field's key.
    key: String,
    /// Its value.
    value: String,
}

impl Customer {
    /// The customer of this id; none where the caller sees no such customer.
    pub async fn load(ctx: &Context<'_>, id: CustomerId) -> Result<Option<Self>> {
        ctx.scoped()?;
        Ok(ctx.given::<Loader<CustomerId, CustomerRow>>()?.load(id).await?.map(Self))
    }

    fn row(&self) -> &Model {
        &self.0.model
    }

    /// In clear where the level opens the field; null below.
    fn open<T>(&self, field: &str, value: impl FnOnce(&Model) -> Option<T>) -> Option<T> {
        if fields::class(field).opens(self.0.level) { value(self.row()) } else { None }
    }

    /// In clear where the level opens the field; masked one level below; null further down.
    fn masked(&self, field: &str, value: Option<&String>, mask: fn(&str) -> String) -> Option<String> {
        let class = fields::class(field);
        match value {
            Some(value) if class.opens(self.0.level) => Some(value.clone()),
            Some(value) if !class.hidden(self.0.level) => Some(mask(value)),
            _ => None,
        }
    }
}

/// A customer: one unit's relationship with a person or company. What your rights do not open is null and named in `hiddenFields`.
#[Object]
impl Customer {
    /// The global id.
    pub async fn id(&self) -> ID {
        to_global(self.row().id)
    }

    /// What other systems call the customer; unique at the unit where it began.
    async fn external_ref(&self) -> Option<&str> {
        self.row().external_ref.as_deref()
    }

    /// The name.
    async fn name(&self) -> &str {
        &self.row().name
    }

    /// A person or a company.
    async fn kind(&self) -> CustomerKind {
        self.row().kind.into()
    }

    /// How far the relationship has come.
    async fn class(&self) -> CustomerClass {
        self.row().class.into()
    }

    /// The unit that serves the customer.
    async fn unit(&self, ctx: &Context<'_>) -> Result<Option<OrgUnit>> {
        OrgUnit::load(ctx, self.row().unit_id).await
    }

    /// Whose customer it is within the unit; null where nobody's.
    async fn owner(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        match self.row().owner_id {
            Some(owner) => User::load(ctx, owner).await,
            None => Ok(None),
        }
    }

    /// Line of business. From BASIC.
    async fn industry(&self) -> Option<String> {
        self.open(fields::INDUSTRY, |row| row.industry.clone())
    }

    /// Phone number. From FULL; masked at BASIC, as in 138****5678.
    async fn phone(&self) -> Option<String> {
        self.masked(fields::PHONE, self.row().phone.as_ref(), mask_phone)
    }

    /// E-mail address. From FULL; masked at BASIC.
    async fn email(&self) -> Option<String> {
        self.masked(fields::EMAIL, self.row().email.as_ref(), mask_email)
    }

    /// Postal address. From FULL; masked at BASIC.
    async fn address(&self) -> Option<String> {
        self.masked(fields::ADDRESS, self.row().address.as_ref(), mask_text)
    }

    /// Day of birth. From FULL.
    async fn birth_date(&self) -> Option<Date> {
        self.open(fields::BIRTH_DATE, |row| row.birth_date)
    }

    /// Gender, as the person says. From FULL.
    async fn gender(&self) -> Option<String> {
        self.open(fields::GENDER, |row| row.gender.clone())
    }

    /// Occupation. From FULL.
    async fn occupation(&self) -> Option<String> {
        self.open(fields::OCCUPATION, |row| row.occupation.clone())
    }

    /// Education. From FULL.
    async fn education(&self) -> Option<String> {
        self.open(fields::EDUCATION, |row| row.education.clone())
    }

    /// Annual income. From FULL.
    async fn annual_income(&self) -> Option<Money> {
        self.open(fields::ANNUAL_INCOME, |row| Some(Money::new(row.annual_income_minor?, row.annual_income_currency.as_deref()?)))
    }

    /// ID number of a person, registration number of a company. Masked even at FULL, null below.
    async fn identity_number(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        match &self.row().identity_cipher {
            Some(sealed) if !fields::class(fields::IDENTITY_NUMBER).hidden(self.0.level) => {
                Ok(Some(mask_end(&ctx.given::<Secrets>()?.identity.decrypt(sealed)?)))
            }
            _ => Ok(None),
        }
    }

    /// The values of custom fields, by key. From FULL; null below.
    #[graphql(directive = About::apply(10))]
    async fn custom_fields(&self) -> Option<Vec<CustomFieldValue>> {
        self.open(fields::CUSTOM_FIELDS, |row| {
            let custom = row.custom.as_object()?;
            Some(
                custom
                    .iter()
                    .filter_map(|(key, value)| Some(CustomFieldValue { key: key.clone(), value: value.as_str()?.to_owned() }))
                    .collect(),
            )
        })
    }

    /// People at the customer, oldest first. From BASIC; null below.
    #[graphql(directive = Paged::apply())]
    async fn contacts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "true: archived contacts as well; needs the right to archive.", default)] archived: bool,
        #[graphql(desc = "From the beginning: how many, at most 100 (20).")] first: Option<i32>,
        #[graphql(desc = "Behind the row of this cursor.")] after: Option<String>,
        #[graphql(desc = "From the end: how many, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Before the row of this cursor.")] before: Option<String>,
    ) -> Result<Option<ContactConnection>> {
        let scoped = ctx.scoped()?;
        let parent = self.row().id.0;
        let paging = Paging::try_new(ctx, PageArgs { first, after, last, before }, Some(parent))?;
        if self.0.level < Level::Basic {
            return Ok(None);
        }
        let which = listed(scoped, archived)?;
        let asked = Asked {
            shape: paging.shape.clone(),
            query: scoped.find().filter(which.clone()),
            totals: scoped.sql().filter(which),
            parent: contact::Column::CustomerId,
            parent_of: |row: &contact::Model| row.customer_id.0,
            order: oldest_first(),
            slice: paging.slice.clone(),
        };
        Ok(Some(ContactConnection(page_under(ctx, parent, asked, &paging, Contact).await?)))
    }

    /// What was done to the customer, newest first, as far as you see its fields.
    #[graphql(directive = Paged::apply())]
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "From the beginning: how many, at most 100 (20).")] first: Option<i32>,
        #[graphql(desc = "Behind the row of this cursor.")] after: Option<String>,
        #[graphql(desc = "From the end: how many, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Before the row of this cursor.")] before: Option<String>,
    ) -> Result<Option<HistoryConnection>> {
        history_of(ctx, self.row().id.0, self.0.history(), PageArgs { first, after, last, before }).await
    }

    /// How clearly you see this customer.
    async fn level(&self) -> SightLevel {
        self.0.level.into()
    }

    /// The names of the fields that are null because your rights do not open them, whatever their values.
    async fn hidden_fields(&self) -> Vec<&'static str> {
        let contacts = (self.0.level < Level::Basic).then_some("contacts");
        hidden_fields::<entity::customer::Entity>(self.0.level).chain(contacts).collect()
    }

    /// When it was created.
    async fn created_at(&self) -> OffsetDateTime {
        self.row().created_at.into()
    }

    /// When it was last changed.
    async fn updated_at(&self) -> OffsetDateTime {
        self.row().updated_at.into()
    }

    /// Rises with every change. Hand it in as `expectedVersion` to change only what you have seen.
    async fn version(&self) -> i64 {
        self.row().version
    }

    /// When it was archived; null while it is in use.
    async fn archived_at(&self) -> Option<OffsetDateTime> {
        self.row().archived_at.map(Into::into)
    }
}
