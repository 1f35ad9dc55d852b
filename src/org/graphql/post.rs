//! Posts: a role at a unit, for a time.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};
use entity::{PostId, Timestamp, UnitId, UserId, post};
use time::OffsetDateTime;

use super::preview::RightsPreview;
use super::unit::OrgUnit;
use super::user::User;
use crate::access::action::OrganisationAdminister;
use crate::access::{ActivePost, Permits};
use crate::graphql::context::Ask;
use crate::graphql::id::{from_global, to_global};
use crate::graphql::limits::words::Rehearsal;
use crate::graphql::loader::Loader;
use crate::graphql::patch::patch;
use crate::graphql::words::PostOrigin;
use crate::org::posts::{self, NewPost, PostChange};

/// A role that somebody holds at a unit, for a time.
pub struct Post {
    id: PostId,
    role: String,
    unit: UnitId,
    valid_from: Timestamp,
    valid_to: Option<Timestamp>,
    acting_for: Option<UserId>,
    /// None: not read yet.
    version: Option<i64>,
}

impl From<&ActivePost> for Post {
    fn from(active: &ActivePost) -> Self {
        let held = &active.held;
        Self {
            id: held.id,
            role: held.role.clone(),
            unit: held.unit,
            valid_from: held.valid_from,
            valid_to: held.valid_to,
            acting_for: held.acting_for.as_ref().map(|absent| absent.id),
            version: None,
        }
    }
}

impl From<post::Model> for Post {
    fn from(row: post::Model) -> Self {
        Self {
            id: row.id,
            role: row.role,
            unit: row.unit_id,
            valid_from: row.valid_from,
            valid_to: row.valid_to,
            acting_for: row.acting_for,
            version: Some(row.version),
        }
    }
}

/// The versions of posts.
pub type Versions = Loader<PostId, i64>;

/// A role that somebody holds at a unit, for a time.
#[Object]
impl Post {
    /// The post's id.
    async fn id(&self) -> ID {
        to_global(self.id)
    }

    /// The role's code.
    async fn role(&self) -> &str {
        &self.role
    }

    /// The role's title.
    async fn title(&self, ctx: &Context<'_>) -> Result<String> {
        // A role that was added a moment ago has its code for a title.
        Ok(ctx.scoped()?.viewer().table().title(&self.role).unwrap_or(&self.role).to_owned())
    }

    /// Where it is held.
    async fn unit(&self, ctx: &Context<'_>) -> Result<Option<OrgUnit>> {
        OrgUnit::load(ctx, self.unit).await
    }

    /// Its first moment.
    async fn valid_from(&self) -> OffsetDateTime {
        self.valid_from.into()
    }

    /// The first moment without it; null: open.
    async fn valid_to(&self) -> Option<OffsetDateTime> {
        self.valid_to.map(Into::into)
    }

    /// Held in one's own name, or for somebody who is absent.
    async fn origin(&self) -> PostOrigin {
        if self.acting_for.is_some() { PostOrigin::Acting } else { PostOrigin::Direct }
    }

    /// Who is absent, of an acting post; null where you do not see them.
    async fn acting_for(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        match self.acting_for {
            Some(absent) => User::load(ctx, absent).await,
            None => Ok(None),
        }
    }

    /// The version, as in `expectedVersion`.
    async fn version(&self, ctx: &Context<'_>) -> Result<Option<i64>> {
        match self.version {
            Some(version) => Ok(Some(version)),
            None => Ok(ctx.given::<Versions>()?.load(self.id).await?),
        }
    }
}

/// A post to be.
#[derive(InputObject)]
pub struct GivePostInput {
    /// Who will hold it: somebody whom you administer, never yourself.
    user_id: ID,
    /// The code of the role, one that a post of yours may give.
    role: String,
    /// The unit, one that you administer.
    unit_id: ID,
    /// Its first moment; now where omitted.
    valid_from: Option<OffsetDateTime>,
    /// The first moment without it; open where omitted. An acting post needs one.
    valid_to: Option<OffsetDateTime>,
    /// Makes it an acting post, for this user, who is absent and holds that role at that unit: SELF means their rows, and the audit keeps
    /// both names.
    acting_for_id: Option<ID>,
}

/// What changes of a post. An omitted field stays as it is.
#[derive(InputObject)]
pub struct ChangePostInput {
    /// The post.
    id: ID,
    /// The version that you have seen: CONFLICT where the post has changed since.
    expected_version: Option<i64>,
    /// Its first moment; only of a post that has yet to begin.
    valid_from: Option<OffsetDateTime>,
    /// The first moment without it; null: open.
    valid_to: MaybeUndefined<OffsetDateTime>,
}

/// Which post ends.
#[derive(InputObject)]
pub struct EndPostInput {
    /// The post.
    id: ID,
    /// The first moment without it; now where omitted.
    at: Option<OffsetDateTime>,
    /// The version that you have seen: CONFLICT where the post has changed since.
    expected_version: Option<i64>,
}

/// What became of the post.
#[derive(SimpleObject)]
pub struct PostPayload {
    /// The post as it stands.
    post: Post,
}

fn new_post(ctx: &Context<'_>, input: GivePostInput, field: &str) -> Result<NewPost> {
    let scoped = ctx.scoped()?;
    scoped.viewer().permit::<OrganisationAdminister>()?;
    Ok(NewPost {
        user: from_global(&input.user_id, &format!("{field}.userId"))?,
        role: input.role,
        unit: from_global(&input.unit_id, &format!("{field}.unitId"))?,
        valid_from: input.valid_from.map_or_else(|| scoped.now(), Into::into),
        valid_to: input.valid_to.map(Into::into),
        acting_for: input.acting_for_id.map(|absent| from_global(&absent, &format!("{field}.actingForId"))).transpose()?,
    })
}

/// Looking ahead at posts.
#[derive(Default)]
pub struct PostQuery;

#[Object]
impl PostQuery {
    /// Whose rights giving a post would change, and how, without giving it. Errors are those of `givePost`.
    #[graphql(directive = Rehearsal::apply())]
    async fn preview_post(&self, ctx: &Context<'_>, #[graphql(desc = "The post to be.")] input: GivePostInput) -> Result<RightsPreview> {
        let new = new_post(ctx, input, "input")?;
        let scoped = ctx.scoped()?;
        Ok(RightsPreview::new(scoped, posts::preview(scoped, new).await?))
    }
}

/// Administering posts.
#[derive(Default)]
pub struct PostMutation;

#[Object]
impl PostMutation {
    /// Gives somebody a role at a unit, for a time. It takes a post that administers the unit and whose role may give that role. CONFLICT
    /// (rule `overlap`) where the user holds the same post within that time.
    async fn give_post(&self, ctx: &Context<'_>, #[graphql(desc = "The post to be.")] input: GivePostInput) -> Result<PostPayload> {
        let new = new_post(ctx, input, "input")?;
        Ok(PostPayload { post: posts::give(ctx.scoped()?, new).await?.into() })
    }

    /// Changes the time of a post that has not ended: its beginning, if it has yet to begin, and its end. Never one of your own.
    async fn change_post(&self, ctx: &Context<'_>, #[graphql(desc = "What changes.")] input: ChangePostInput) -> Result<PostPayload> {
        let scoped = ctx.scoped()?;
        scoped.viewer().permit::<OrganisationAdminister>()?;
        let change = PostChange {
            id: from_global(&input.id, "input.id")?,
            valid_from: input.valid_from.map(Into::into),
            valid_to: patch(input.valid_to).map(Into::into),
            expected_version: input.expected_version,
        };
        Ok(PostPayload { post: posts::change(scoped, change).await?.into() })
    }

    /// Ends a post, from the next request on or at a moment to come. One that has not begun by then never counts. Not the post of the last
    /// who administers the group (CONFLICT, rule `last_administrator`).
    async fn end_post(&self, ctx: &Context<'_>, #[graphql(desc = "Which post ends.")] input: EndPostInput) -> Result<PostPayload> {
        let scoped = ctx.scoped()?;
        scoped.viewer().permit::<OrganisationAdminister>()?;
        let id = from_global(&input.id, "input.id")?;
        let ended = posts::end(scoped, id, input.at.map(Into::into), input.expected_version).await?;
        Ok(PostPayload { post: ended.into() })
    }
}
