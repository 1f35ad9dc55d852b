//! Every field of the API, found by introspection, for every default role: a table that people read in review. A field without a probe
//! fails, and so does a role without a column.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::app::{Actor, PASSWORD, TestApp};
use crate::on_both;
use crate::raw::{global, invented, sql_id};

/// Heading, role, and who holds it in the sample group.
const COLUMNS: [(&str, &str, &str); 17] = [
    ("rep", "sales_rep", "shanghai.rep1"),
    ("service", "service_agent", "shanghai.service"),
    ("care", "care_planner", "shanghai.care"),
    ("superv", "supervisor", "shanghai.supervisor"),
    ("br.mgr", "branch_manager", "shanghai.manager"),
    ("rg.mgr", "region_manager", "east.manager"),
    ("rg.credit", "region_credit", "east.credit"),
    ("director", "group_director", "hq.director"),
    ("reporter", "group_reporter", "hq.reporter"),
    ("gr.credit", "group_credit", "hq.credit"),
    ("marketing", "marketing_director", "hq.marketing"),
    ("steward", "data_steward", "hq.steward"),
    ("auditor", "group_auditor", "hq.auditor"),
    ("br.admin", "branch_admin", "shanghai.admin"),
    ("gr.admin", "group_admin", "hq.admin"),
    ("integr", "integration", "shanghai.integration"),
    ("expired", "", "tokyo.rep1"),
];

/// What is probed: a title, a customer, one that is archived, a unit, a unit with a mode of its own, a user.
const ROWS: [(&str, [&str; 5]); 3] = [
    ("a customer of shanghai.rep1, and Shanghai: inside", ["SH-0003", "SH-0008", "SHANGHAI", "EAST", "shanghai.rep1"]),
    ("a customer of Hangzhou, and Hangzhou: sideways from Shanghai", ["HZ-0001", "HZ-0005", "HANGZHOU", "HANGZHOU", "hangzhou.rep1"]),
    ("a customer of London, and London: outside, but for the group", ["LN-0001", "LN-0003", "LONDON", "LONDON", "london.rep1"]),
];

/// Who is disabled and given posts, row by row: nobody of the columns.
const IDLE: [&str; 3] = ["shanghai.rep2", "hangzhou.manager", "london.manager"];

/// Fields that are not probed, each with its reason. This list only shrinks.
const EXEMPT: [(&str, &str); 0] = [];

/// How to get at objects of a type.
struct Probe {
    /// The type whose fields are probed.
    of: &'static str,
    /// A document; `%` is where the fields go.
    document: &'static str,
    /// Where the object stands in the answer.
    at: &'static str,
    /// The fields, with what they need to be selected.
    fields: &'static str,
    /// Does it depend on the row?
    by_row: bool,
}

const fn probe(of: &'static str, document: &'static str, at: &'static str, fields: &'static str) -> Probe {
    Probe { of, document, at, fields, by_row: true }
}

const fn once(of: &'static str, document: &'static str, at: &'static str, fields: &'static str) -> Probe {
    Probe { of, document, at, fields, by_row: false }
}

const PROBES: &[Probe] = &[
    once("Query", "{ % }", "", "viewer{name} auditLog(first:1){nodes{id}} changes(first:1){hasMore}"),
    once("ChangeSet", "{ changes(first: 1) { % } }", "/changes", "upserts{__typename} tombstones nextCursor hasMore resetRequired"),
    probe(
        "Query",
        "{ % }",
        "",
        "node(id:$customer){id} nodes(ids:[$customer]){id} customer(id:$customer){id} customers(filter:{id:{eq:$customer}}){nodes{id}} \
         orgUnit(id:$unit){id} orgUnits(filter:{code:{eq:$code}}){nodes{id}} plannedMoves(orgUnitId:$unit){nodes{id}} \
         previewBusinessMode(id:$unit,businessMode:SINGLE){userTotal} previewMove(id:$unit,parentId:$north){userTotal}",
    ),
    probe("Query", "{ % }", "", "delegations{nodes{id}} explainAccess(id:$customer,action:READ){allowed}"),
    probe("DelegationConnection", "{ delegations { % } }", "/delegations", "edges{cursor} nodes{id} pageInfo{endCursor} totalCount"),
    probe("DelegationEdge", "{ delegations { edges { % } } }", "/delegations/edges/0", "cursor node{id}"),
    probe(
        "Delegation",
        "{ delegations { nodes { % } } }",
        "/delegations/nodes/0",
        "id delegator{name} delegate{name} unit{code} actions{action} level validFrom validTo",
    ),
    probe("LentAction", "{ delegations { nodes { actions { % } } } }", "/delegations/nodes/0/actions/0", "resource action"),
    probe("DelegationPayload", "mutation { endDelegation(input: {id: $delegation}) { % } }", "/endDelegation", "delegation{id}"),
    probe(
        "Mutation",
        "mutation { % }",
        "",
        "endDelegation(input:{id:$delegation}){delegation{id}} \
         lend(input:{postId:$post,delegateId:$user,actions:[{resource:CUSTOMER,action:READ}],level:CARD,validTo:\"2100-01-01T00:00:00Z\"}){delegation{id}}",
    ),
    probe(
        "Explanation",
        "{ explainAccess(id: $customer, action: READ) { % } }",
        "/explainAccess",
        "allowed level ways{source} deniedBy{role}",
    ),
    probe(
        "AccessWay",
        "{ explainAccess(id: $customer, action: READ) { ways { % } } }",
        "/explainAccess/ways/0",
        "source role unit{code} reach level sideways ownRows onBehalfOf reachesRecord",
    ),
    once(
        "DenyingPost",
        "{ explainAccess(id: $customer, action: TRANSFER) { deniedBy { % } } }",
        "/explainAccess/deniedBy/0",
        "role unit{code}",
    ),
    probe(
        "Query",
        "{ % }",
        "",
        "users(filter:{name:{contains:\"a\"}}){totalCount} previewPost(input:{userId:$user,role:\"supervisor\",unitId:$unit}){userTotal}",
    ),
    once(
        "Query",
        "{ % }",
        "",
        "roles{code} previewPolicyChange(add:[{role:\"supervisor\",resource:CUSTOMER,action:EXPORT,reach:UNIT,level:FULL}]){userTotal}",
    ),
    probe("UserConnection", "{ users(first: 1) { % } }", "/users", "edges{cursor} nodes{id} pageInfo{endCursor} totalCount"),
    probe("UserEdge", "{ users(first: 1) { edges { % } } }", "/users/edges/0", "cursor node{id}"),
    probe(
        "RightsPreview",
        "{ previewPost(input: {userId: $user, role: \"supervisor\", unitId: $unit}) { % } }",
        "/previewPost",
        "userTotal users{user{id}}",
    ),
    probe(
        "UserChanges",
        "{ previewPost(input: {userId: $user, role: \"supervisor\", unitId: $unit}) { users { % } } }",
        "/previewPost/users/0",
        "user{id} changes{action}",
    ),
    probe(
        "RightChange",
        "{ previewPost(input: {userId: $user, role: \"supervisor\", unitId: $unit}) { users { changes { % } } } }",
        "/previewPost/users/0/changes/0",
        "resource action ownRows before after unitTotal units{code}",
    ),
    once("Role", "{ roles { % } }", "/roles/0", "code title gives delegatesSensitive grants{id}"),
    once("PolicyRule", "{ roles { grants { % } } }", "/roles/0/grants/0", "id role resource action reach level effect"),
    probe(
        "Mutation",
        "mutation { % }",
        "",
        "createUser(input:{username:$fresh,name:\"New\",post:{role:\"sales_rep\",unitId:$unit}}){user{id}} updateUser(input:{id:$user}){user{id}} \
         disableUser(input:{id:$idle}){user{id}} enableUser(input:{id:$idle}){user{id}} \
         givePost(input:{userId:$idle,role:\"care_planner\",unitId:$unit,validFrom:$from,validTo:$to}){post{id}} \
         changePost(input:{id:$post}){post{id}} endPost(input:{id:$idlePost,at:\"2100-01-01T00:00:00Z\"}){post{id}}",
    ),
    once(
        "Mutation",
        "mutation { % }",
        "",
        "createRole(input:{code:$fresh,title:\"New\"}){role{code}} deleteRole(input:{code:$fresh}){code} \
         updateRole(input:{code:\"supervisor\"}){role{code}} removePolicyRule(input:{id:$firstRule}){id} \
         addPolicyRule(input:{role:\"supervisor\",resource:CREDIT,action:UPDATE,reach:UNIT,level:FULL}){rule{id}}",
    ),
    probe("UserPayload", "mutation { updateUser(input: {id: $user}) { % } }", "/updateUser", "user{id}"),
    probe("PostPayload", "mutation { changePost(input: {id: $post}) { % } }", "/changePost", "post{id}"),
    once("RolePayload", "mutation { updateRole(input: {code: \"supervisor\"}) { % } }", "/updateRole", "role{code}"),
    once(
        "DeleteRolePayload",
        "mutation { createRole(input: {code: $fresh, title: \"New\"}) { role { code } } deleteRole(input: {code: $fresh}) { % } }",
        "/deleteRole",
        "code",
    ),
    once(
        "PolicyRulePayload",
        "mutation { addPolicyRule(input: {role: \"supervisor\", resource: CREDIT, action: CREATE, reach: UNIT, level: FULL}) { % } }",
        "/addPolicyRule",
        "rule{id}",
    ),
    once("RemovePolicyRulePayload", "mutation { removePolicyRule(input: {id: $secondRule}) { % } }", "/removePolicyRule", "id"),
    once(
        "Mutation",
        "mutation { % }",
        "",
        "signIn(input:{username:\"hq.admin\",password:$password}){expiresAt} refreshSession(input:{refreshToken:\"x\"}){expiresAt} \
         createPasswordLink(input:{userId:$user}){expiresAt} setPassword(input:{token:\"x\",password:$password}){isSet} endSession(input:{id:$session}){endedSessions} \
         changePassword(input:{currentPassword:\"not this\",newPassword:\"a new password\"}){endedSessions}",
    ),
    once("Mutation", "mutation { % }", "", "signOut{endedSessions}"),
    once("Mutation", "mutation { % }", "", "signOutEverywhere{endedSessions}"),
    probe(
        "Mutation",
        "mutation { % }",
        "",
        "createCustomer(input:{unitId:$unit,kind:PERSON,name:\"New\"}){customer{id}} updateCustomer(input:{id:$customer}){customer{id}} \
         assignCustomer(input:{id:$customer,ownerId:$user}){customer{id}} archiveCustomer(input:{id:$archived}){customer{id}} \
         restoreCustomer(input:{id:$customer}){customer{id}} createContact(input:{customerId:$customer,name:\"New\"}){contact{id}} \
         updateContact(input:{id:$contact}){contact{id}} archiveContact(input:{id:$oldContact}){contact{id}} \
         restoreContact(input:{id:$contact}){contact{id}} revealField(input:{id:$customer,field:\"phone\",reason:\"x\"}){value} \
         createOrgUnit(input:{parentId:$unit,code:\"HQ\",name:\"In use\",kind:SITE}){orgUnit{id}} updateOrgUnit(input:{id:$unit}){orgUnit{id}} \
         archiveOrgUnit(input:{id:$unit}){orgUnit{id}} restoreOrgUnit(input:{id:$unit}){orgUnit{id}} \
         moveOrgUnit(input:{id:$unit,parentId:$unit}){orgUnit{id}} cancelPlannedMove(input:{id:$doneMove}){plannedMove{id}}",
    ),
    once(
        "SignInPayload",
        "mutation { signIn(input: {username: \"hq.admin\", password: $password}) { % } }",
        "/signIn",
        "accessToken expiresAt refreshToken sessionExpiresAt",
    ),
    once("SetPasswordPayload", "mutation { setPassword(input: {token: \"x\", password: $password}) { % } }", "/setPassword", "isSet"),
    once("EndedSessionsPayload", "mutation { signOut { % } }", "/signOut", "endedSessions"),
    probe(
        "PasswordLinkPayload",
        "mutation { createPasswordLink(input: {userId: $user}) { % } }",
        "/createPasswordLink",
        "token link expiresAt",
    ),
    probe("CustomerPayload", "mutation { updateCustomer(input: {id: $customer}) { % } }", "/updateCustomer", "customer{id}"),
    probe("ContactPayload", "mutation { updateContact(input: {id: $contact}) { % } }", "/updateContact", "contact{id}"),
    probe(
        "Mutation",
        "mutation { % }",
        "",
        "applyOperations(input:{operations:[{key:$fresh,updateCustomer:{id:$customer}}]}){outcomes{customer{id}}}",
    ),
    probe(
        "ApplyOperationsPayload",
        "mutation { applyOperations(input: {operations: [{key: $fresh, updateCustomer: {id: $customer}}]}) { % } }",
        "/applyOperations",
        "outcomes{key}",
    ),
    probe(
        "OperationOutcome",
        "mutation { applyOperations(input: {operations: [{key: $fresh, updateCustomer: {id: $customer}}]}) { outcomes { % } } }",
        "/applyOperations/outcomes/0",
        "key status customer{id} error{code}",
    ),
    probe(
        "OperationOutcome",
        "mutation { applyOperations(input: {operations: [{key: $fresh, updateContact: {id: $contact}}]}) { outcomes { % } } }",
        "/applyOperations/outcomes/0",
        "contact{id}",
    ),
    probe(
        "OperationError",
        "mutation { applyOperations(input: {operations: [{key: $fresh, updateCustomer: {id: $customer, expectedVersion: 99}}]}) \
         { outcomes { error { % } } } }",
        "/applyOperations/outcomes/0/error",
        "code message extensions",
    ),
    probe("OrgUnitPayload", "mutation { updateOrgUnit(input: {id: $unit}) { % } }", "/updateOrgUnit", "orgUnit{id}"),
    probe(
        "MoveOrgUnitPayload",
        "mutation { moveOrgUnit(input: {id: $unit, parentId: $hq, at: \"2999-01-01T00:00:00Z\"}) { % } }",
        "/moveOrgUnit",
        "orgUnit{id} plannedMove{id}",
    ),
    probe("PlannedMovePayload", "mutation { cancelPlannedMove(input: {id: $openMove}) { % } }", "/cancelPlannedMove", "plannedMove{id}"),
    probe(
        "PlannedMove",
        "{ plannedMoves(orgUnitId: $unit, first: 1) { nodes { % } } }",
        "/plannedMoves/nodes/0",
        "id orgUnit{id} parent{id} at plannedBy{id} plannedAt outcome doneAt",
    ),
    probe(
        "PlannedMoveConnection",
        "{ plannedMoves(orgUnitId: $unit) { % } }",
        "/plannedMoves",
        "edges{cursor} nodes{id} pageInfo{endCursor} totalCount",
    ),
    probe("PlannedMoveEdge", "{ plannedMoves(orgUnitId: $unit) { edges { % } } }", "/plannedMoves/edges/0", "cursor node{id}"),
    probe(
        "RightsPreview",
        "{ previewBusinessMode(id: $unit, businessMode: SINGLE) { % } }",
        "/previewBusinessMode",
        "userTotal users{user{id}}",
    ),
    probe(
        "UserChanges",
        "{ previewBusinessMode(id: $unit, businessMode: SINGLE) { users { % } } }",
        "/previewBusinessMode/users/0",
        "user{id} changes{action}",
    ),
    probe(
        "RightChange",
        "{ previewBusinessMode(id: $unit, businessMode: SINGLE) { users { changes { % } } } }",
        "/previewBusinessMode/users/0/changes/0",
        "resource action ownRows before after unitTotal units{id}",
    ),
    once("Viewer", "{ viewer { % } }", "/viewer", "id name username posts{id} sessions{id} can(resource:CUSTOMER,action:UPDATE)"),
    once("Post", "{ viewer { posts { % } } }", "/viewer/posts/0", "id role title unit{id} validFrom validTo origin actingFor{id} version"),
    once("Session", "{ viewer { sessions { % } } }", "/viewer/sessions/0", "id device startedAt usedAt expiresAt current"),
    probe(
        "Customer",
        "{ node(id: $customer) { ... on Customer { % } } }",
        "/node",
        "id externalRef name kind class unit{id} owner{id} industry phone email address birthDate gender occupation education \
         annualIncome{amount} identityNumber customFields{key} contacts{nodes{id}} history{nodes{id}} level hiddenFields createdAt updatedAt version",
    ),
    probe("Customer", "{ node(id: $archived) { ... on Customer { % } } }", "/node", "archivedAt"),
    probe("Money", "{ node(id: $customer) { ... on Customer { annualIncome { % } } } }", "/node/annualIncome", "amount currency"),
    probe("CustomFieldValue", "{ node(id: $customer) { ... on Customer { customFields { % } } } }", "/node/customFields/0", "key value"),
    probe(
        "Contact",
        "{ node(id: $contact) { ... on Contact { % } } }",
        "/node",
        "id customer{id} name role phone email history{nodes{id}} level createdAt updatedAt version",
    ),
    probe("Contact", "{ node(id: $oldContact) { ... on Contact { % } } }", "/node", "archivedAt"),
    probe(
        "OrgUnit",
        "{ node(id: $unit) { ... on OrgUnit { % } } }",
        "/node",
        "id code name kind parent{id} ancestors{id} children{totalCount} createdAt updatedAt version history{nodes{id}} customers(filter:{id:{eq:$customer}}){nodes{id}}",
    ),
    probe("OrgUnit", "{ node(id: $modal) { ... on OrgUnit { % } } }", "/node", "businessMode"),
    probe("OrgUnit", "{ node(id: $closed) { ... on OrgUnit { % } } }", "/node", "archivedAt"),
    probe(
        "User",
        "{ node(id: $user) { ... on User { % } } }",
        "/node",
        "id name title username email subject posts{role} disabledAt version history{nodes{id}}",
    ),
    probe(
        "RevealFieldPayload",
        "mutation { revealField(input: {id: $customer, field: \"phone\", reason: \"x\"}) { % } }",
        "/revealField",
        "value",
    ),
    probe(
        "HistoryConnection",
        "{ node(id: $customer) { ... on Customer { history(first: 2) { % } } } }",
        "/node/history",
        "edges{cursor} nodes{id} pageInfo{endCursor} totalCount",
    ),
    probe(
        "HistoryEdge",
        "{ node(id: $customer) { ... on Customer { history(first: 1) { edges { % } } } } }",
        "/node/history/edges/0",
        "cursor node{id}",
    ),
    probe(
        "HistoryEntry",
        "{ node(id: $customer) { ... on Customer { history(first: 1) { nodes { % } } } } }",
        "/node/history/nodes/0",
        "id at action actorName actor{id} onBehalfOf reason changes{field}",
    ),
    probe(
        "FieldChange",
        "{ node(id: $customer) { ... on Customer { history(first: 1) { nodes { changes { % } } } } } }",
        "/node/history/nodes/0/changes/0",
        "field before after beforeHidden afterHidden",
    ),
    once("AuditConnection", "{ auditLog(first: 1) { % } }", "/auditLog", "edges{cursor} nodes{id} pageInfo{endCursor} totalCount"),
    once("AuditEdge", "{ auditLog(first: 1) { edges { % } } }", "/auditLog/edges/0", "cursor node{id}"),
    probe(
        "AuditEntry",
        "{ auditLog(first: 1, filter: {recordId: $customer}) { nodes { % } } }",
        "/auditLog/nodes/0",
        "id at action recordType recordId unit{id} actorId actorName actor{id} onBehalfOf reason changes{field}",
    ),
    probe(
        "CustomerConnection",
        "{ orgUnit(id: $unit) { customers(filter: {id: {eq: $customer}}) { % } } }",
        "/orgUnit/customers",
        "edges{cursor} nodes{id} pageInfo{endCursor} totalCount",
    ),
    probe(
        "CustomerEdge",
        "{ orgUnit(id: $unit) { customers(filter: {id: {eq: $customer}}) { edges { % } } } }",
        "/orgUnit/customers/edges/0",
        "cursor node{id}",
    ),
    probe(
        "OrgUnitConnection",
        "{ orgUnits(filter: {code: {eq: $code}}) { % } }",
        "/orgUnits",
        "edges{cursor} nodes{id} pageInfo{endCursor} totalCount",
    ),
    probe("OrgUnitEdge", "{ orgUnits(filter: {code: {eq: $code}}) { edges { % } } }", "/orgUnits/edges/0", "cursor node{id}"),
    probe(
        "ContactConnection",
        "{ node(id: $customer) { ... on Customer { contacts(first: 1) { % } } } }",
        "/node/contacts",
        "edges{cursor} nodes{id} pageInfo{endCursor} totalCount",
    ),
    probe(
        "ContactEdge",
        "{ node(id: $customer) { ... on Customer { contacts(first: 1) { edges { % } } } } }",
        "/node/contacts/edges/0",
        "cursor node{id}",
    ),
    probe(
        "PageInfo",
        "{ customers(first: 1, filter: {unit: {eq: $unit}}) { pageInfo { % } } }",
        "/customers/pageInfo",
        "hasNextPage hasPreviousPage startCursor endCursor",
    ),
];

/// Splits at white space outside brackets.
fn fields(text: &'static str) -> Vec<&'static str> {
    let (mut depth, mut from, mut fields) = (0, 0, Vec::new());
    for (at, letter) in text.char_indices() {
        match letter {
            '(' | '{' => depth += 1,
            ')' | '}' => depth -= 1,
            ' ' if depth == 0 => {
                fields.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    fields.push(&text[from..]);
    fields.into_iter().filter(|field| !field.is_empty()).collect()
}

fn name(field: &str) -> &str {
    field.split(['(', '{']).next().unwrap()
}

/// One word for a value.
fn word(value: &Json) -> &str {
    match value {
        Json::String(level) if ["CARD", "BASIC", "FULL"].contains(&level.as_str()) => level,
        Json::Null => "null",
        Json::Bool(false) => "no",
        Json::String(text) if text.contains("****") => "masked",
        Json::Array(values) if values.is_empty() => "empty",
        Json::Array(values) if values.iter().all(Json::is_null) => "null",
        Json::Object(values) if values.get("nodes").is_some_and(|nodes| nodes == &json!([])) => "empty",
        Json::Number(number) if number.as_u64() == Some(0) => "0",
        _ => "ok",
    }
}

/// The words for these fields of one object.
async fn ask(actor: &Actor<'_>, probe: &Probe, fields: &[&str], ids: &BTreeMap<&str, String>) -> Vec<String> {
    // What is added has to be new each time.
    static ADDED: AtomicU32 = AtomicU32::new(0);
    let number = ADDED.fetch_add(1, Ordering::Relaxed);
    let mut document = probe.document.replace('%', &fields.join(" ")).replace("$fresh", &format!("\"new_{number}\""));
    for (moment, at) in [("$from", 2 * number), ("$to", 2 * number + 1)] {
        let clock = format!("{:02}:{:02}:{:02}", at / 3_600, at / 60 % 60, at % 60);
        document = document.replace(moment, &format!("\"2090-01-01T{clock}Z\""));
    }
    // The longer names first: `$post` begins as `$postCode` would.
    for (name, value) in ids.iter().rev() {
        document = document.replace(&format!("${name}"), &json!(value).to_string());
    }
    let answer = actor.send(&document, json!({})).await.body;
    let errors = answer["errors"].as_array().cloned().unwrap_or_default();
    let is_own = |error: &Json| error["path"].as_array().is_none_or(|path| path.len() > probe.at.matches('/').count());
    if fields.len() > 1 && errors.iter().any(is_own) {
        // One failing field may hide the others: each alone.
        let mut words = Vec::new();
        for field in fields {
            words.extend(Box::pin(ask(actor, probe, &[*field], ids)).await);
        }
        return words;
    }
    if let Some(error) = errors.iter().find(|error| is_own(error)) {
        return vec![error["extensions"]["code"].as_str().unwrap().to_owned()];
    }
    let object = answer["data"].pointer(probe.at).filter(|object| !object.is_null());
    fields.iter().map(|field| object.map_or("-", |object| word(&object[name(field)])).to_owned()).collect()
}

/// Every field of every object type but those of introspection itself.
async fn every_field(actor: &Actor<'_>) -> BTreeSet<String> {
    let schema = actor.ask("{ __schema { types { name kind fields { name } } subscriptionType { name } } }").await;
    let mut found = BTreeSet::new();
    for of in schema["__schema"]["types"].as_array().unwrap() {
        let type_name = of["name"].as_str().unwrap();
        if of["kind"] == "OBJECT" && !type_name.starts_with("__") {
            found.extend(of["fields"].as_array().unwrap().iter().map(|field| format!("{type_name}.{}", field["name"].as_str().unwrap())));
        }
    }
    found
}

/// Gives a customer a value in every field, an entry in its history that is newer than any other, and a second contact, which is archived;
/// archives another customer.
async fn fill(app: &TestApp, [live, archived, _, _, user]: [&str; 5]) -> BTreeMap<&'static str, String> {
    let (customer, archived, contact) = (app.customer(live).await, app.customer(archived).await, app.contact(live).await);
    let [sql, old, first] = [customer, archived, contact].map(|id| sql_id(app.engine, id));
    let number = app.secrets.identity.encrypt("310101199001011234").unwrap();
    let number: String = number.iter().map(|byte| format!("{byte:02x}")).collect();
    let number = if app.engine == crate::app::Engine::Sqlite { format!("X'{number}'") } else { format!("'\\x{number}'") };
    app.execute(&format!(
        "UPDATE customer SET industry = 'Food', phone = '13800138000', email = 'a@example.com', address = 'Some long street 1', \
         birth_date = '1990-01-01', gender = 'x', occupation = 'x', education = 'x', annual_income_minor = 100, \
         annual_income_currency = 'CNY', custom = '{{\"size\":\"9\"}}', identity_cipher = {number} WHERE id = {sql}"
    ))
    .await;
    app.execute(&format!("UPDATE customer SET archived_at = 1 WHERE id = {old}")).await;
    app.execute(&format!("UPDATE contact SET role = 'Boss', phone = '13900138000', email = 'b@example.com' WHERE id = {first}")).await;
    let old_contact: Uuid = app.clock.id();
    let id = sql_id(app.engine, old_contact);
    app.execute(&format!(
        "INSERT INTO contact (id, customer_id, unit_id, region_id, name, created_at, updated_at, version, archived_at) \
         SELECT {id}, customer_id, unit_id, region_id, 'Old', created_at + 1, updated_at, 1, 1 FROM contact WHERE id = {first}"
    ))
    .await;
    // Lent to somebody who holds no post: told of to those whom it concerns, and without effect.
    let delegation: Uuid = app.clock.id();
    let [id, lender, nobody] = [delegation, app.user(user).await, app.user("tokyo.rep1").await].map(|id| sql_id(app.engine, id));
    app.execute(&format!(
        "INSERT INTO delegation (id, post_id, delegator_id, delegate_id, actions, level, valid_from, valid_to, created_at, updated_at, version) \
         SELECT {id}, id, user_id, {nobody}, '[\"customer:share\"]', 'CARD', 1, 4000000000000000, 1, 1, 1 FROM post WHERE user_id = {lender}"
    ))
    .await;
    let steward = sql_id(app.engine, app.user("hq.steward").await);
    let entry = sql_id(app.engine, app.clock.id());
    app.execute(&format!(
        "INSERT INTO audit (id, at, actor_id, actor_name, behalf_of_name, reason, action, record_type, record_id, unit_id, changes) \
         SELECT {entry}, 4000000000000000, {steward}, 'Nadia', 'Somebody', 'Why', 'customer:update', 'customer', id, unit_id, \
         '{{\"phone\":[\"13800138000\",\"13800138001\"]}}' FROM customer WHERE id = {sql}"
    ))
    .await;
    BTreeMap::from([
        ("customer", global("Customer", customer)),
        ("archived", global("Customer", archived)),
        ("contact", global("Contact", contact)),
        ("oldContact", global("Contact", old_contact)),
        ("delegation", global("Delegation", delegation)),
    ])
}

/// Plans a move of a unit that lies ahead, and one that was done; adds a site to the unit, which is archived.
async fn plan(app: &TestApp, unit: &str) -> BTreeMap<&'static str, String> {
    let (unit, north, admin) = (app.unit(unit).await, app.unit("NORTH").await, app.user("hq.admin").await);
    let [open, done, closed]: [Uuid; 3] = [app.clock.id(), app.clock.id(), app.clock.id()];
    let [unit_sql, admin_sql, closed_sql] = [unit, admin, closed].map(|id| sql_id(app.engine, id));
    for (id, due, outcome) in [(open, 4_000_000_000_000_000_i64, "NULL, NULL"), (done, 1, "2, 'DONE'")] {
        let id = sql_id(app.engine, id);
        app.execute(&format!(
            "INSERT INTO due_work (id, kind, record_id, unit_id, details, due_at, planned_by, created_at, done_at, outcome) \
             VALUES ({id}, 'MOVE_UNIT', {unit_sql}, {unit_sql}, '{{\"parentId\":\"{north}\"}}', {due}, {admin_sql}, 1, {outcome})"
        ))
        .await;
    }
    app.execute(&format!(
        "INSERT INTO org_unit (id, code, name, kind, parent_id, region_id, created_at, updated_at, version, archived_at) \
         SELECT {closed_sql}, code || '-CLOSED', name, 'SITE', id, region_id, 1, 1, 1, 1 FROM org_unit WHERE id = {unit_sql}"
    ))
    .await;
    app.execute(&format!(
        "INSERT INTO org_path SELECT ancestor_id, {closed_sql}, depth + 1 FROM org_path WHERE descendant_id = {unit_sql} \
         UNION ALL SELECT id, id, 0 FROM org_unit WHERE id = {closed_sql}"
    ))
    .await;
    BTreeMap::from([
        ("openMove", global("PlannedMove", open)),
        ("doneMove", global("PlannedMove", done)),
        ("closed", global("OrgUnit", closed)),
        ("north", global("OrgUnit", north)),
        ("hq", global("OrgUnit", app.unit("HQ").await)),
    ])
}

/// A line a field, a column a role.
fn render(title: &str, lines: &[(String, Vec<String>)]) -> String {
    let mut headings = vec![String::new()];
    headings.extend(COLUMNS.iter().map(|(heading, ..)| (*heading).to_owned()));
    headings.push("nobody".to_owned());
    let mut table = vec![headings];
    table.extend(lines.iter().map(|(field, words)| std::iter::once(field.clone()).chain(words.iter().cloned()).collect()));
    let widths: Vec<usize> = (0..table[0].len()).map(|at| table.iter().map(|row| row[at].len()).max().unwrap()).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    let lines: Vec<String> = table.iter().map(line).collect();
    format!("# {title}\n\n{}\n", lines.join("\n"))
}

on_both! {
    async fn every_field_for_every_role(app) {
        let mut covered: BTreeSet<String> = EXEMPT.iter().map(|(field, _)| (*field).to_owned()).collect();
        for probe in PROBES {
            covered.extend(fields(probe.fields).into_iter().map(|field| format!("{}.{}", probe.of, name(field))));
        }
        let found = every_field(&app.actor("hq.director").await).await;
        assert_eq!(covered, found, "a probe a field, and none for what is gone");
        for row in app.select("SELECT code FROM role").await {
            let role: String = row.try_get_by_index(0).unwrap();
            assert!(COLUMNS.iter().any(|(_, column, _)| *column == role), "a column for {role}");
        }

        let expired = sql_id(app.engine, app.user("tokyo.rep1").await);
        app.execute(&format!("UPDATE post SET valid_from = 1, valid_to = 2 WHERE user_id = {expired}")).await;
        app.execute("UPDATE org_unit SET business_mode = 'DISTRIBUTED' WHERE code = 'LONDON'").await;
        app.add_rule(["service_agent", "customer", "transfer", "*", "*", "deny"]).await;
        app.execute("UPDATE user_account SET issuer = 'https://login.example.com', subject = username").await;
        app.rights_changed().await;
        let mut actors = Vec::new();
        for (_, _, user) in COLUMNS {
            actors.push(app.actor(user).await);
        }
        actors.push(app.nobody());
        let mut text = Vec::new();
        for (section, (title, names)) in ROWS.into_iter().enumerate() {
            let mut ids = fill(&app, names).await;
            ids.extend(plan(&app, names[2]).await);
            app.rights_changed().await;
            for (name, code) in [("unit", names[2]), ("modal", names[3])] {
                ids.insert(name, global("OrgUnit", app.unit(code).await));
            }
            let user = app.user(names[4]).await;
            ids.insert("user", global("User", user));
            let post = app.id(&format!("SELECT id FROM post WHERE user_id = {}", sql_id(app.engine, user))).await;
            ids.insert("post", global("Post", post));
            let idle = app.user(IDLE[section]).await;
            ids.insert("idle", global("User", idle));
            let idle_post = app.id(&format!("SELECT id FROM post WHERE user_id = {}", sql_id(app.engine, idle))).await;
            ids.insert("idlePost", global("Post", idle_post));
            for (name, action) in [("firstRule", "report"), ("secondRule", "approve")] {
                let of = format!("role = 'supervisor' AND resource = 'customer' AND action = '{action}'");
                let rule = app.select(&format!("SELECT id FROM policy_rule WHERE {of}")).await;
                let rule: Uuid = rule.first().map(|row| row.try_get_by_index(0).unwrap()).unwrap_or_default();
                ids.insert(name, global("PolicyRule", rule));
            }
            ids.insert("code", names[2].to_owned());
            ids.insert("password", PASSWORD.to_owned());
            ids.insert("session", invented("Session"));
            let mut lines: Vec<(String, Vec<String>)> = Vec::new();
            for probe in PROBES.iter().filter(|probe| section == 0 || probe.by_row) {
                let fields = fields(probe.fields);
                let first = lines.len();
                lines.extend(fields.iter().map(|field| (format!("{}.{}", probe.of, name(field)), Vec::new())));
                for actor in &actors {
                    for (at, word) in ask(actor, probe, &fields, &ids).await.into_iter().enumerate() {
                        lines[first + at].1.push(word);
                    }
                    // Whoever signed out goes on with the next probe.
                    app.execute("UPDATE session SET ended_at = NULL WHERE ended_at IS NOT NULL").await;
                }
            }
            text.push(render(title, &lines));
        }
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!("access_matrix", text.join("\n"));
        });
    }
}
