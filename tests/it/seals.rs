//! The chain over the audit: what was changed, added, removed, moved or made anew is named; what was not is not.

use branchwise::audit::seal::{Look, Sealer};
use branchwise::audit::verify::{Anchor, Fault, Summary, anchor, verify};
use branchwise::audit::{self, Entry, RecordType};
use branchwise::db::{Db, DbConfig, Scoped, operator_unscoped};
use branchwise::secrets::Secrets;
use entity::{AuditId, Timestamp};
use secrecy::SecretString;
use serde_json::{Map, json};
use uuid::Uuid;

use crate::app::{Engine, TestApp};
use crate::on_both;

/// Somewhere in the middle of the chain.
const AT: i64 = 7;

fn operator(app: &TestApp) -> Scoped {
    app.db.seen_by(operator_unscoped(&app.rights))
}

async fn verified(app: &TestApp, anchors: &[Anchor]) -> Result<Summary, Fault> {
    verify(&operator(app), &app.secrets.notary, anchors.to_vec()).await.unwrap()
}

async fn anchored(app: &TestApp) -> Anchor {
    anchor(&operator(app), &app.secrets.notary).await.unwrap().unwrap().unwrap()
}

/// Another sealer, which knows nothing yet, as after a start.
fn started_anew(app: &TestApp) -> std::sync::Arc<Sealer> {
    Sealer::new(app.db.clone(), app.rights.clone(), app.secrets.notary.clone())
}

async fn row_at(app: &TestApp, position: i64) -> AuditId {
    AuditId(app.select(&format!("SELECT audit_id FROM audit_seal WHERE position = {position}")).await[0].try_get_by_index(0).unwrap())
}

fn random_id(app: &TestApp) -> &'static str {
    match app.engine {
        Engine::Sqlite => "randomblob(16)",
        Engine::Postgres => "gen_random_uuid()",
    }
}

/// Keeps both tables as they are.
async fn keep(app: &TestApp) {
    for table in ["audit", "audit_seal"] {
        app.execute(&format!("CREATE TABLE kept_{table} AS SELECT * FROM {table}")).await;
    }
}

/// Puts both tables back as they were kept.
async fn restore(app: &TestApp) {
    for (table, order) in [("audit", "at, id"), ("audit_seal", "position")] {
        app.execute(&format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept_{table} ORDER BY {order}")).await;
    }
    assert!(verified(app, &[]).await.is_ok());
}

/// What is told after these statements, with the anchors given and after a server has looked; then all is put back.
async fn told(app: &TestApp, tampering: &str, anchors: &[Anchor]) -> Result<Summary, Fault> {
    app.execute(tampering).await;
    let before = verified(app, anchors).await;
    started_anew(app).look().await.unwrap();
    let after = verified(app, anchors).await;
    if before.is_err() {
        assert_eq!(before, after, "a server that starts mends nothing: {tampering}");
    }
    restore(app).await;
    after
}

async fn named(app: &TestApp, tampering: &str, anchors: &[Anchor]) -> (Option<i64>, Option<AuditId>) {
    let fault = told(app, tampering, anchors).await.expect_err(tampering);
    assert!(!fault.what.is_empty() && fault.to_string().contains("audit row"), "{fault}");
    (fault.position, fault.row)
}

/// A write through the front door.
async fn write(app: &TestApp, user: &str, name: &str) {
    let actor = app.actor(user).await;
    let unit = actor.ask("{ viewer { posts { unit { id } } } }").await["viewer"]["posts"][0]["unit"]["id"].take();
    let create =
        "mutation($unit: ID!, $name: String!) { createCustomer(input: {unitId: $unit, kind: PERSON, name: $name}) { customer { id } } }";
    actor.ask_with(create, json!({ "unit": unit, "name": name })).await;
}

on_both! {
    async fn every_edit_of_a_row_or_its_seal_is_named(app) {
        assert_eq!(app.sealer.look().await.unwrap(), Look::CaughtUp);
        let total = app.number("SELECT COUNT(*) FROM audit").await;
        assert!(total > 20);
        assert_eq!(verified(&app, &[]).await, Ok(Summary { sealed: total, ..Summary::default() }));
        keep(&app).await;
        let (row, random) = (row_at(&app, AT).await, random_id(&app));
        let on_row = format!("WHERE id = (SELECT audit_id FROM audit_seal WHERE position = {AT})");
        let json = if app.engine == Engine::Postgres { "CAST('{\"a\": 1}' AS jsonb)" } else { "'{\"a\": 1}'" };
        let columns = [
            ("id", random), ("at", "at + 1"), ("actor_id", random), ("reason", "'another'"), ("action", "'customer:read'"),
            ("record_type", "'party'"), ("record_id", random), ("unit_id", random), ("unit_id", "NULL"), ("changes", json), ("actor_name", "'Somebody'"),
            ("behalf_of_id", random), ("behalf_of_name", "'Somebody'"), ("stamp", "NULL"), ("stamp", "'AAAA'"),
        ];
        for (column, value) in columns {
            assert_eq!(named(&app, &format!("UPDATE audit SET {column} = {value} {on_row}"), &[]).await, (Some(AT), Some(row)), "{column}");
        }
        let all = app.select("SELECT * FROM kept_audit LIMIT 1").await;
        for column in all[0].column_names() {
            assert!(column == "written_in" || columns.iter().any(|(tried, _)| *tried == column), "{column} was not tried");
        }
        for (column, value) in [("sealed_at", "sealed_at + 1"), ("digest", "'AAAA'"), ("chain", "'AAAA'")] {
            let edit = format!("UPDATE audit_seal SET {column} = {value} WHERE position = {AT}");
            assert_eq!(named(&app, &edit, &[]).await, (Some(AT), Some(row)), "{column}");
        }
        assert_eq!(named(&app, &format!("UPDATE audit_seal SET audit_id = {random} WHERE position = {AT}"), &[]).await.0, Some(AT));
        for position in ["0", "-1", "1000000"] {
            let moved = named(&app, &format!("UPDATE audit_seal SET position = {position} WHERE position = {AT}"), &[]).await.0;
            assert!(moved == Some(AT) || moved == Some(1), "{position}: {moved:?}");
        }
        // Two at once: the first is named.
        let both = format!("UPDATE audit SET reason = 'another' WHERE id IN (SELECT audit_id FROM audit_seal WHERE position IN ({AT}, {}))", AT + 3);
        assert_eq!(named(&app, &both, &[]).await, (Some(AT), Some(row)));
    }

    async fn every_row_added_removed_or_moved_is_named(app) {
        app.sealer.look().await.unwrap();
        keep(&app).await;
        let (end, row, random) = (anchored(&app).await.position, row_at(&app, AT).await, random_id(&app));
        let new = Uuid::from_u128(0xfeed);
        let new_id = crate::raw::sql_id(app.engine, new);
        let columns = "at, actor_id, reason, action, record_type, record_id, unit_id, changes, actor_name, behalf_of_id, behalf_of_name";
        let insert = |stamp: &str| format!("INSERT INTO audit (id, {columns}, stamp) SELECT {new_id}, {columns}, {stamp} FROM audit WHERE id = (SELECT audit_id FROM audit_seal WHERE position = {AT})");
        for stamp in ["NULL", "stamp", "'AAAA'"] {
            assert_eq!(named(&app, &insert(stamp), &[]).await, (None, Some(AuditId(new))), "{stamp}");
        }
        let seal = |position: i64| format!("INSERT INTO audit_seal SELECT {position}, {new_id}, sealed_at, digest, chain, settled FROM audit_seal WHERE position = {end}");
        assert_eq!(named(&app, &format!("{}; {}", insert("NULL"), seal(end + 1)), &[]).await, (Some(end + 1), Some(AuditId(new))));
        let aside = |from: i64, by: i64| format!("UPDATE audit_seal SET position = -(position + {by}) WHERE position >= {from}; UPDATE audit_seal SET position = -position WHERE position < 0");
        assert_eq!(named(&app, &format!("{}; {}; {}", insert("NULL"), aside(AT, 1), seal(AT)), &[]).await, (Some(AT), Some(AuditId(new))));

        let gone = format!("DELETE FROM audit WHERE id = (SELECT audit_id FROM audit_seal WHERE position = {AT})");
        assert_eq!(named(&app, &gone, &[]).await, (Some(AT), Some(row)));
        let both = format!("{gone}; DELETE FROM audit_seal WHERE position = {AT}");
        assert_eq!(named(&app, &both, &[]).await, (Some(AT), None));
        assert_eq!(named(&app, &format!("{both}; {}", aside(AT, -1)), &[]).await.0, Some(AT));
        assert_eq!(named(&app, &format!("DELETE FROM audit_seal WHERE position = {AT}"), &[]).await, (Some(AT), None));

        let next = row_at(&app, AT + 1).await;
        let seals = format!("UPDATE audit_seal SET position = -position WHERE position IN ({AT}, {0}); UPDATE audit_seal SET position = {AT} WHERE position = -{0}; UPDATE audit_seal SET position = {0} WHERE position = -{AT}", AT + 1);
        assert_eq!(named(&app, &seals, &[]).await, (Some(AT), Some(next)));
        let [one, other] = [crate::raw::sql_id(app.engine, row.0), crate::raw::sql_id(app.engine, next.0)];
        let rows = format!("UPDATE audit SET id = {new_id} WHERE id = {one}; UPDATE audit SET id = {one} WHERE id = {other}; UPDATE audit SET id = {other} WHERE id = {new_id}");
        assert_eq!(named(&app, &rows, &[]).await, (Some(AT), Some(row)));
        assert_eq!(named(&app, &format!("UPDATE audit_seal SET audit_id = {random} WHERE position = 1"), &[]).await.0, Some(1));
    }

    async fn what_is_cut_off_or_made_anew_is_found_by_an_anchor(app) {
        app.sealer.look().await.unwrap();
        let first = anchored(&app).await;
        write(&app, "shanghai.manager", "Renamed once").await;
        app.sealer.look().await.unwrap();
        let last = anchored(&app).await;
        assert!(last.position > first.position);
        let anchors = [last.clone(), first.clone()];
        assert_eq!(verified(&app, &anchors).await, Ok(Summary { sealed: last.position, anchors: 2, ..Summary::default() }));
        keep(&app).await;

        let cut = format!("DELETE FROM audit WHERE id IN (SELECT audit_id FROM audit_seal WHERE position > {AT}); DELETE FROM audit_seal WHERE position > {AT}");
        assert_eq!(told(&app, &cut, &[]).await, Ok(Summary { sealed: AT, ..Summary::default() }), "nothing inside the database tells");
        assert_eq!(named(&app, &cut, &anchors).await, (Some(AT + 1), None));
        for all in ["DELETE FROM audit_seal; DELETE FROM audit", "DELETE FROM audit_seal; DELETE FROM audit WHERE at >= 0"] {
            assert_eq!(named(&app, all, &anchors).await, (Some(1), None));
        }

        // Somebody without the secret makes the chain anew.
        let others = Secrets::try_new(&SecretString::from("another secret of thirty-two letters")).unwrap().notary;
        let seals = operator(&app).seals_after(0, 100_000).await.unwrap();
        let (mut chain, mut forged) = (String::new(), Vec::new());
        for seal in &seals {
            chain = others.link(&chain, seal.position, seal.audit_id, seal.sealed_at, &seal.digest).unwrap();
            forged.push(format!("UPDATE audit_seal SET chain = '{chain}' WHERE position = {}", seal.position));
        }
        assert_eq!(named(&app, &forged.join("; "), &[]).await, (Some(1), Some(seals[0].audit_id)));
        let tail: Vec<String> = forged.iter().skip(usize::try_from(AT).unwrap() - 1).cloned().collect();
        assert_eq!(named(&app, &tail.join("; "), &[]).await.0, Some(AT));

        // Somebody with it: the server itself, after the rows that shall be missed are gone.
        app.execute(&format!("DELETE FROM audit WHERE id = (SELECT audit_id FROM audit_seal WHERE position = {AT}); DELETE FROM audit_seal")).await;
                write(&app, "shanghai.manager", "Renamed twice").await;
        write(&app, "shanghai.manager", "Renamed thrice").await;
        assert_eq!(app.sealer.look().await.unwrap(), Look::Broken, "a server that runs does not lend its hand");
        started_anew(&app).look().await.unwrap();
        assert!(verified(&app, &[]).await.is_ok());
        let fault = verified(&app, std::slice::from_ref(&first)).await.unwrap_err();
        assert_eq!(fault.position, Some(first.position));
    }

    async fn a_server_that_runs_seals_no_forged_row_and_goes_on_over_no_forged_end(app) {
        app.sealer.look().await.unwrap();
        let end = anchored(&app).await.position;
        let columns = "at, actor_id, reason, action, record_type, record_id, unit_id, changes, actor_name, behalf_of_id, behalf_of_name, stamp";
        let forged = Uuid::from_u128(0xfeed);
        app.execute(&format!("INSERT INTO audit (id, {columns}) SELECT {}, {columns} FROM audit LIMIT 1", crate::raw::sql_id(app.engine, forged))).await;
        write(&app, "shanghai.manager", "Renamed").await;
        for _ in 0..3 {
            assert_eq!(app.sealer.look().await.unwrap(), Look::CaughtUp);
        }
        assert_eq!((app.sealer.refused(), anchored(&app).await.position), (1, end + 1));
        assert_eq!(verified(&app, &[]).await.unwrap_err().row, Some(AuditId(forged)));
        app.execute(&format!("DELETE FROM audit WHERE id = {}", crate::raw::sql_id(app.engine, forged))).await;
        assert!(verified(&app, &[]).await.is_ok());
        // The end is exchanged: neither this server nor one that starts goes on from it.
        app.execute(&format!("UPDATE audit_seal SET chain = digest WHERE position = {}", end + 1)).await;
        write(&app, "shanghai.manager", "Renamed again").await;
        assert_eq!(app.sealer.look().await.unwrap(), Look::Broken);
        assert_eq!(started_anew(&app).look().await.unwrap(), Look::Broken);
        assert!(anchor(&operator(&app), &app.secrets.notary).await.unwrap().is_err());
        assert_eq!(verified(&app, &[]).await.unwrap_err().position, Some(end + 1));
    }

    async fn rows_of_before_are_sealed_once_and_never_again(app) {
        app.execute("UPDATE audit SET stamp = NULL").await;
        let total = app.number("SELECT COUNT(*) FROM audit").await;
        assert_eq!(verified(&app, &[]).await.unwrap().waiting, u64::try_from(total).unwrap());
        app.sealer.look().await.unwrap();
        assert_eq!(verified(&app, &[]).await, Ok(Summary { sealed: total, ..Summary::default() }));
        // A program without the secret.
        let without = Db::connect(DbConfig::new(&app.database.url), app.clock.clone()).await.unwrap();
        let entry = Entry::event(RecordType::Customer, Uuid::from_u128(1), "test", Map::new());
        without.seen_by(operator_unscoped(&app.rights)).transaction(|tx| async move { audit::record(&tx, vec![entry]).await }).await.unwrap();
        app.sealer.look().await.unwrap();
        assert_eq!(app.sealer.refused(), 1);
        assert_eq!(verified(&app, &[]).await.unwrap_err().position, None);
    }

    async fn whatever_a_row_holds_comes_back_as_it_was(app) {
        let odd = [
            json!({ "zz": [1, 2], "a": [null, "x"], "bb": { "d": 1, "c": { "b": true, "a": [] } } }),
            json!({ "numbers": [0, -1, i64::MIN, i64::MAX, u64::MAX, 0.5, 1e3, 1e16, -0.0, 1.0, 123_456.789] }),
            json!({ "texts": ["", " ", "\u{1F600}", "e\u{301}", "\u{e9}", "\"\\\n\t\r", "<&>'", "\u{feff}", "%_"] }),
            json!({ "": { "": [] }, "Ä": 1, "ä": 2, "\u{10ffff}": 3, "10": 4, "9": 5 }),
        ];
        for changes in odd {
            let entry = Entry::event(RecordType::Customer, Uuid::from_u128(1), "odd", changes.as_object().unwrap().clone()).because("e\u{301} \u{feff}".to_owned());
            operator(&app).transaction(|tx| async move { audit::record(&tx, vec![entry]).await }).await.unwrap();
        }
        // Several at once go in arrays.
        let several = (0..100).map(|at| Entry::event(RecordType::Customer, Uuid::from_u128(at), "odd", Map::from_iter([(at.to_string(), json!(at as f64 / 3.0))]))).collect();
        operator(&app).transaction(|tx| async move { audit::record(&tx, several).await }).await.unwrap();
        app.sealer.look().await.unwrap();
        assert_eq!(app.sealer.refused(), 0);
        let total = app.number("SELECT COUNT(*) FROM audit").await;
        assert_eq!(verified(&app, &[]).await, Ok(Summary { sealed: total, ..Summary::default() }));
    }

    async fn two_instances_seal_what_many_write_each_row_once(app) {
        let second = app.second().await;
        let writers = ["shanghai.manager", "hangzhou.manager", "east.manager", "shanghai.rep1"].map(async |user| {
            for round in 0..15 {
                write(if round % 2 == 0 { &app } else { &second }, user, &format!("Round {round}")).await;
            }
        });
        let done = std::sync::atomic::AtomicBool::new(false);
        let sealing = [&app, &second].map(async |instance| {
            let mut looks = Vec::new();
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                looks.push(instance.sealer.look().await.unwrap());
                assert!(verified(instance, &[]).await.is_ok());
            }
            looks
        });
        let writing = async {
            futures::future::join_all(writers).await;
            done.store(true, std::sync::atomic::Ordering::Relaxed);
        };
        let ((), looks) = tokio::join!(writing, futures::future::join_all(sealing));
        assert!(looks.iter().flatten().all(|look| *look != Look::Broken), "{looks:?}");
        app.sealer.look().await.unwrap();
        let total = app.number("SELECT COUNT(*) FROM audit").await;
        assert_eq!(verified(&app, &[]).await, Ok(Summary { sealed: total, ..Summary::default() }));
        assert!(app.number("SELECT COUNT(DISTINCT sealed_at) FROM audit_seal").await > 2, "sealed as they came");
    }

    async fn what_waits_is_counted_and_told_after_a_while(app) {
        app.sealer.look().await.unwrap();
        write(&app, "shanghai.manager", "Renamed").await;
        let summary = verified(&app, &[]).await.unwrap();
        assert_eq!((summary.waiting, summary.overdue), (1, 0));
        let later = branchwise::clock::Clock::standing(Timestamp(app.clock.now().0 + 11_000_000));
        let db = Db::connect(DbConfig::new(&app.database.url), later).await.unwrap();
        let summary = verify(&db.seen_by(operator_unscoped(&app.rights)), &app.secrets.notary, Vec::new()).await.unwrap().unwrap();
        assert_eq!((summary.waiting, summary.overdue), (1, 1));
    }

    async fn a_row_that_commits_late_is_sealed_behind_those_before_it(app) {
        if app.engine == Engine::Sqlite {
            // There nothing commits while another writes.
            return;
        }
        app.sealer.look().await.unwrap();
        let entry = |number: u128| vec![Entry::event(RecordType::Customer, Uuid::from_u128(number), "late", Map::new())];
        let add = async |number: u128| {
            let rows = entry(number);
            operator(&app).transaction(|tx| async move { audit::record(&tx, rows).await }).await
        };
        let (go, wait) = tokio::sync::oneshot::channel::<()>();
        let (begun, has_begun) = tokio::sync::oneshot::channel::<()>();
        let late = tokio::spawn({
            let operator = operator(&app);
            async move {
                let work = |tx: Scoped| async move {
                    audit::record(&tx, vec![Entry::event(RecordType::Customer, Uuid::from_u128(1), "late", Map::new())]).await?;
                    begun.send(()).unwrap();
                    wait.await.unwrap();
                    Ok(())
                };
                operator.transaction(work).await
            }
        });
        has_begun.await.unwrap();
        add(2).await.unwrap();
        app.sealer.look().await.unwrap();
        add(3).await.unwrap();
        // Another server begins where the last one was, while the row is still to come.
        started_anew(&app).look().await.unwrap();
        go.send(()).unwrap();
        late.await.unwrap().unwrap();
        started_anew(&app).look().await.unwrap();
        let order = app.select("SELECT record_id FROM audit_seal s JOIN audit a ON a.id = s.audit_id WHERE action = 'customer:late' ORDER BY position").await;
        let order: Vec<Uuid> = order.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
        assert_eq!(order, [2, 3, 1].map(Uuid::from_u128));
        assert_eq!(verified(&app, &[]).await.unwrap().waiting, 0);
    }
}
