//! Single decisions, a great many of them: what the compiled rights of a user say of a row is what the oracle says, for every action, with
//! acting posts, delegations, denies, modes, and posts that have ended or are yet to begin.

use branchwise::access::visible::Place;
use branchwise::access::{Action, Level, Resource};
use entity::{UnitId, UserId};

use crate::app::TestApp;
use crate::on_groups_at_random;
use crate::oracle::{Sight, World};

/// Four users, five owners, five to thirteen units and 27 actions: so many groups make far more than a hundred thousand decisions on each
/// database.
const GROUPS: u32 = 40;

fn sight(level: Level) -> Sight {
    match level {
        Level::Card => Sight::Card,
        Level::Basic => Sight::Basic,
        Level::Full => Sight::Full,
    }
}

async fn decisions_agree(app: &TestApp) {
    let world = World::read(app).await;
    let owners = world.users.keys().copied().map(Some).chain([None]);
    let places: Vec<_> = owners.flat_map(|owner| world.units.keys().map(move |unit| (*unit, owner))).collect();
    for user in world.users.keys() {
        let viewer = app.rights.viewer(UserId(*user)).await.unwrap().unwrap();
        for (unit, owner) in &places {
            let place = Place { unit: UnitId(*unit), owner: owner.map(UserId) };
            let seen = viewer.level_at(Resource::Customer, Action::Read, place).map(sight);
            assert_eq!(seen, world.sight_at(*user, *unit, *owner), "{user} reads {place:?}");
            for resource in Resource::EVERY {
                for action in resource.actions().iter().filter(|action| **action != Action::Read) {
                    let compiled = viewer.level_at(*resource, *action, place).is_some();
                    let expected = world.reaches(*user, (resource.word(), action.word()), *unit, *owner);
                    assert_eq!(compiled, expected, "{user}: {resource:?} {action:?} at {place:?}");
                }
            }
        }
    }
}

on_groups_at_random! {
    rights_equal_the_oracle(GROUPS, [1, 0]) = decisions_agree;
}
