"""What schemathesis knows of Branchwise: ids that name something, values of scalars, and what no answer may hold."""

import json
import os
import re
import urllib.request

import schemathesis
from hypothesis import strategies as st
from schemathesis.graphql import nodes

URL, TOKEN, OWN = os.environ["FUZZ_URL"], os.environ["FUZZ_TOKEN"], os.environ["FUZZ_USER"]
NAMED = """{
    customers(first: 50) { nodes { id owner { id } contacts(first: 2) { nodes { id } } } }
    orgUnits(first: 50) { nodes { id } }
    users(first: 50) { nodes { id username posts { id } } }
    delegations(first: 50) { nodes { id } }
}"""
CODES = {
    "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT", "FORBIDDEN", "NOT_FOUND", "CONFLICT", "PERSISTED_QUERY_NOT_FOUND",
    "COST_LIMIT_EXCEEDED", "RATE_LIMITED", "OVERLOADED", "TIMEOUT",
}
# UNAUTHENTICATED is an answer to these alone: with anything else the token has been lost, and nothing is tried any more.
SIGNS_IN = ("signIn", "refreshSession", "setPassword", "changePassword")
INSIDE = re.compile(
    r"panicked|\.rs\b|sqlx|sea.?orm|rusqlite|casbin|tokio|SQLSTATE|SQLITE_|syntax error at|constraint|duplicate key|no such (table|column)"
    r"|(SELECT|INSERT|UPDATE|DELETE) .*(FROM|INTO|SET|WHERE) |/(root|home|tmp|usr)/|\bNone\b|\bSome\(|Result<|Option<",
    re.IGNORECASE,
)


def asked(query):
    body = json.dumps({"query": query}).encode()
    headers = {"content-type": "application/json", "authorization": f"Bearer {TOKEN}"}
    with urllib.request.urlopen(urllib.request.Request(URL, body, headers)) as answer:
        return json.load(answer)


def ids(told, under=()):
    """All ids, but those of the user who asks and of its posts: what loses its rights tries nothing any more."""
    if isinstance(told, list):
        return [found for item in told for found in ids(item)]
    if not isinstance(told, dict) or told.get("username") == OWN:
        return []
    own = [told["id"]] if isinstance(told.get("id"), str) else []
    return own + [found for value in told.values() for found in ids(value)]


told = asked(NAMED)
assert "errors" not in told, told
known = sorted(set(ids(told["data"])))
instants = st.datetimes().map(lambda at: at.isoformat() + "Z")
text = st.text(max_size=20)

schemathesis.graphql.scalar("ID", (st.sampled_from(known) | st.sampled_from(known) | text).map(nodes.String))
schemathesis.graphql.scalar("DateTime", (instants | text).map(nodes.String))
schemathesis.graphql.scalar("Date", (st.dates().map(str) | text).map(nodes.String))
schemathesis.graphql.scalar("Decimal", (st.decimals(allow_nan=False, allow_infinity=False).map(str) | text).map(nodes.String))
schemathesis.graphql.scalar("JSON", text.map(nodes.String))


@schemathesis.check
def nothing_inside_shows(ctx, response, case):
    status, answer = response.status_code, response.json()
    assert status < 500, f"status {status}"
    for error in answer.get("errors", []):
        code = error.get("extensions", {}).get("code")
        may_sign_in = any(field in json.dumps(case.body) for field in SIGNS_IN)
        assert code in CODES or (code == "UNAUTHENTICATED" and may_sign_in), f"code {code}: {error}"
        # What was asked comes back in paths, and names of the schema in messages; neither is from inside.
        told = json.dumps([error["message"], error["extensions"]], ensure_ascii=False)
        assert not (inside := INSIDE.search(told)), f"{inside[0]!r} in {told}"
