//! Contacts in the API.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};
use entity::{ContactId, CustomerId};
use time::OffsetDateTime;

use super::{ContactDraft, ContactRow, Contacts};
use crate::access::action::{ContactArchive, ContactCreate, ContactUpdate};
use crate::access::{FieldClass, Permits, mask_email, mask_phone};

use crate::customer::graphql::Customer;
use crate::error::Error;
use crate::graphql::connection::connection;
use crate::graphql::context::Ask;
use crate::graphql::id::{from_global, of_client, to_global};
use crate::graphql::limits::words::Paged;
use crate::graphql::loader::Loader;
use crate::graphql::page::PageArgs;
use crate::graphql::patch::patch;
use crate::graphql::words::SightLevel;
use crate::history::graphql::{HistoryConnection, history_of};
use crate::patch::Patch;

/// A person at a customer.
pub struct Contact(pub ContactRow);

connection!(ContactConnection, ContactEdge, Contact, "contacts");

impl Contact {
    /// The contact of this id; none where the caller sees no such contact.
    pub async fn load(ctx: &Context<'_>, id: ContactId) -> Result<Option<Self>> {
        ctx.scoped()?;
        Ok(ctx.given::<Loader<ContactId, ContactRow>>()?.load(id).await?.map(Self))
    }

    /// CONTACT data: in clear from FULL, masked at BASIC.
    fn masked(&self, value: Option<&String>, mask: fn(&str) -> String) -> Option<String> {
        value.map(|value| if FieldClass::Contact.opens(self.0.level) { value.clone() } else { mask(value) })
    }
}

/// A person at a customer. You see it as clearly as the customer.
#[Object]
impl Contact {
    /// The global id.
    pub async fn id(&self) -> ID {
        to_global(self.0.model.id)
    }

    /// Whose contact it is.
    async fn customer(&self, ctx: &Context<'_>) -> Result<Option<Customer>> {
        Customer::load(ctx, self.0.model.customer_id).await
    }

    /// The name.
    async fn name(&self) -> &str {
        &self.0.model.name
    }

    /// What the person is at the customer.
    async fn role(&self) -> Option<&str> {
        self.0.model.role.as_deref()
    }

    /// Phone number. From FULL; masked at BASIC, as in 138****5678.
    async fn phone(&self) -> Option<String> {
        self.masked(self.0.model.phone.as_ref(), mask_phone)
    }

    /// E-mail address. From FULL; masked at BASIC.
    async fn email(&self) -> Option<String> {
        self.masked(self.0.model.email.as_ref(), mask_email)
    }

    /// What was done to the contact, newest first, as far as you see its fields.
    #[graphql(directive = Paged::apply())]
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "From the beginning: how many, at most 100 (20).")] first: Option<i32>,
        #[graphql(desc = "Behind the row of this cursor.")] after: Option<String>,
        #[graphql(desc = "From the end: how many, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Before the row of this cursor.")] before: Option<String>,
    ) -> Result<Option<HistoryConnection>> {
        history_of(ctx, self.0.model.id.0, self.0.history(), PageArgs { first, after, last, before }).await
    }

    /// How clearly you see this contact: as clearly as its customer.
    async fn level(&self) -> SightLevel {
        self.0.level.into()
    }

    /// When it was created.
    async fn created_at(&self) -> OffsetDateTime {
        self.0.model.created_at.into()
    }

    /// When it was last changed.
    async fn updated_at(&self) -> OffsetDateTime {
        self.0.model.updated_at.into()
    }

    /// Rises with every change. Hand it in as `expectedVersion` to change only what you have seen.
    async fn version(&self) -> i64 {
        self.0.model.version
    }

    /// When it was archived; null while it is in use.
    async fn archived_at(&self) -> Option<OffsetDateTime> {
        self.0.model.archived_at.map(Into::into)
    }
}

/// A contact to be.
#[derive(Clone, InputObject)]
pub struct CreateContactInput {
    /// The id that it will have, where you have made one already: a UUID v7 as a global id, which is base64url without padding of `Contact:`
    /// and the 32 hexadecimal digits. In use: CONFLICT. Omitted: a new one.
    id: Option<ID>,
    /// Whose contact: a customer that you see at BASIC.
    customer_id: ID,
    /// The name, at most 200 characters.
    name: String,
    /// What the person is at the customer.
    role: Option<String>,
    /// Phone number.
    phone: Option<String>,
    /// E-mail address.
    email: Option<String>,
}

/// What changes of a contact. An omitted field stays as it is; null empties it. A field that you do not see in clear is FORBIDDEN.
#[derive(Clone, InputObject)]
pub struct UpdateContactInput {
    /// The contact.
    id: ID,
    /// The version that you have seen: CONFLICT where the contact has changed since.
    expected_version: Option<i64>,
    /// The name, at most 200 characters.
    name: MaybeUndefined<String>,
    /// What the person is at the customer.
    role: MaybeUndefined<String>,
    /// Phone number.
    phone: MaybeUndefined<String>,
    /// E-mail address.
    email: MaybeUndefined<String>,
}

/// Which contact.
#[derive(Clone, InputObject)]
pub struct ArchiveContactInput {
    /// The contact.
    id: ID,
    /// The version that you have seen: CONFLICT where the contact has changed since.
    expected_version: Option<i64>,
}

/// What became of the contact.
#[derive(SimpleObject)]
pub struct ContactPayload {
    /// The contact as it stands and you see it; null where it is out of your sight now.
    contact: Option<Contact>,
}

impl From<Option<ContactRow>> for ContactPayload {
    fn from(row: Option<ContactRow>) -> Self {
        Self { contact: row.map(Contact) }
    }
}

impl CreateContactInput {
    /// Adds the contact.
    pub async fn apply(self, contacts: &Contacts<'_>) -> Result<Option<ContactRow>, Error> {
        contacts.scoped.viewer().permit::<ContactCreate>()?;
        let id = self.id.map(|id| of_client::<ContactId>(&id, "input.id", contacts.scoped.now())).transpose()?;
        let customer = from_global::<CustomerId>(&self.customer_id, "input.customerId")?;
        let given = |text: Option<String>| text.map_or(Patch::Keep, Patch::Set);
        let draft =
            ContactDraft { name: Patch::Set(self.name), role: given(self.role), phone: given(self.phone), email: given(self.email) };
        contacts.create(id, customer, draft).await
    }
}

impl UpdateContactInput {
    /// Changes the contact.
    pub async fn apply(self, contacts: &Contacts<'_>) -> Result<Option<ContactRow>, Error> {
        contacts.scoped.viewer().permit::<ContactUpdate>()?;
        let id = from_global::<ContactId>(&self.id, "input.id")?;
        let draft = ContactDraft { name: patch(self.name), role: patch(self.role), phone: patch(self.phone), email: patch(self.email) };
        contacts.update(id, draft, self.expected_version).await
    }
}

impl ArchiveContactInput {
    /// Archives the contact, or restores it.
    pub async fn apply(self, contacts: &Contacts<'_>, archived: bool) -> Result<Option<ContactRow>, Error> {
        contacts.scoped.viewer().permit::<ContactArchive>()?;
        let id = from_global::<ContactId>(&self.id, "input.id")?;
        contacts.set_archived(id, archived, self.expected_version).await
    }
}

/// Writing contacts.
#[derive(Default)]
pub struct ContactMutation;

#[Object]
impl ContactMutation {
    /// Adds a contact to a customer.
    async fn create_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The contact to be.")] input: CreateContactInput,
    ) -> Result<ContactPayload> {
        Ok(input.apply(&Contacts { scoped: ctx.scoped()? }).await?.into())
    }

    /// Changes fields of a contact.
    async fn update_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: UpdateContactInput,
    ) -> Result<ContactPayload> {
        Ok(input.apply(&Contacts { scoped: ctx.scoped()? }).await?.into())
    }

    /// Takes a contact out of lists and totals. By id it stays, with `archivedAt`.
    async fn archive_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which contact.")] input: ArchiveContactInput,
    ) -> Result<ContactPayload> {
        Ok(input.apply(&Contacts { scoped: ctx.scoped()? }, true).await?.into())
    }

    /// Brings an archived contact back.
    async fn restore_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which contact.")] input: ArchiveContactInput,
    ) -> Result<ContactPayload> {
        Ok(input.apply(&Contacts { scoped: ctx.scoped()? }, false).await?.into())
    }
}
