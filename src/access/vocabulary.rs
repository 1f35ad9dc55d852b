//! The closed vocabulary of the policy. A row that speaks of anything else is refused, when written and when loaded.

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$item:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$item])* $variant,)* }

        impl $name {
            /// Every one of them, in order.
            pub const EVERY: &[Self] = &[$(Self::$variant,)*];

            /// The word as the policy writes it.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The one that the policy writes so; none: no such word.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

words! {
    /// What a grant speaks of.
    Resource {
        /// Customers.
        Customer = "customer",
        /// People at customers; read as their customer is.
        Contact = "contact",
        /// Calls, visits and messages.
        Touchpoint = "touchpoint",
        /// Credit lists and scores.
        Credit = "credit",
        /// The audit.
        Audit = "audit",
        /// Units, users, posts, roles and the policy.
        Organisation = "organisation",
        /// Users as others see them; read by rule, never by grant.
        User = "user",
    }
}

words! {
    /// What a grant allows. Actions are independent: reading never implies writing.
    Action {
        /// Seeing rows.
        Read = "read",
        /// Adding rows.
        Create = "create",
        /// Changing rows.
        Update = "update",
        /// Archiving and restoring, and seeing the archived in lists.
        Archive = "archive",
        /// Moving to another owner or unit.
        Transfer = "transfer",
        /// Showing to others.
        Share = "share",
        /// Taking from a pool.
        Claim = "claim",
        /// Giving an owner.
        Assign = "assign",
        /// Joining duplicates.
        Merge = "merge",
        /// Importing files; each row needs create or update as well.
        Import = "import",
        /// Exporting files.
        Export = "export",
        /// Opening single masked values.
        Reveal = "reveal",
        /// Approving requests.
        Approve = "approve",
        /// Totals.
        Report = "report",
        /// Managing units, users, posts, roles and policy.
        Administer = "administer",
    }
}

words! {
    /// How far a grant goes from the unit of the post.
    Reach {
        /// Rows in the post's subtree whose owner is the user.
        Own = "SELF",
        /// Rows of the unit.
        Unit = "UNIT",
        /// Of the unit and everything below.
        Subtree = "SUBTREE",
        /// Of the topmost region at or above the unit.
        Region = "REGION",
        /// All.
        Group = "GROUP",
    }
}

words! {
    /// How clearly a row is seen.
    Level {
        /// Who it is and who serves it.
        Card = "CARD",
        /// Profile in clear, contact data masked, and what follows the customer.
        Basic = "BASIC",
        /// Everything but identity numbers and credit.
        Full = "FULL",
    }
}

impl Resource {
    /// Have its rows an owner? Where not, nothing is anybody's own, and a grant of reach SELF reaches nothing.
    pub fn is_owned(self) -> bool {
        match self {
            Resource::Customer | Resource::Contact | Resource::Touchpoint | Resource::Credit => true,
            Resource::Audit | Resource::Organisation | Resource::User => false,
        }
    }

    /// The actions that a policy row may name for this resource.
    pub fn actions(self) -> &'static [Action] {
        use Action::*;
        match self {
            Resource::Customer => {
                &[Read, Create, Update, Archive, Transfer, Share, Claim, Assign, Merge, Import, Export, Reveal, Approve, Report]
            }
            Resource::Contact => &[Create, Update, Archive],
            Resource::Touchpoint => &[Create, Update],
            Resource::Credit => &[Read, Create, Update, Approve],
            Resource::Audit => &[Read],
            Resource::Organisation => &[Administer],
            Resource::User => &[],
        }
    }
}

/// What a word like "customer:read" names; none: something that is not known.
pub fn pair_from_word(word: &str) -> Option<(Resource, Action)> {
    let (resource, action) = word.split_once(':')?;
    Some((Resource::from_word(resource)?, Action::from_word(action)?))
}
