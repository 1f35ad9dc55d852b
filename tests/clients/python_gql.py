"""Python's gql: `python python_gql.py URL TOKEN SCHEMA`. It reads the schema from the server, which is that of SCHEMA, checks documents by it,
pages, writes, and is told by code what is wrong."""

import sys
from pathlib import Path

from gql import Client, GraphQLRequest, gql
from gql.transport.exceptions import TransportQueryError
from gql.transport.httpx import HTTPXTransport
from graphql import GraphQLError, build_schema, lexicographic_sort_schema, print_type, specified_scalar_types

URL, TOKEN, SCHEMA = sys.argv[1:]
CUSTOMERS = """
    query Customers($first: Int!, $after: String, $filter: CustomerFilter) {
        customers(first: $first, after: $after, filter: $filter) { nodes { ...Card } pageInfo { hasNextPage endCursor } }
    }
    fragment Card on Customer { id name kind createdAt version }
"""
CUSTOMER = 'query Customer { customer(externalRef: "SH-0003", originUnitCode: "SHANGHAI") { id name } }'
RENAME = "mutation Rename($input: UpdateCustomerInput!) { updateCustomer(input: $input) { customer { id name } } }"


def client(token, **how):
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return Client(transport=HTTPXTransport(url=URL, headers=headers), **how)


def ask(session, document, **variables):
    return session.execute(GraphQLRequest(document, variable_values=variables))


def refused(session, document, **variables):
    try:
        told = ask(session, document, **variables)
    except TransportQueryError as error:
        return error.errors[0]["extensions"]
    raise AssertionError(f"not refused: {told}")


def types(schema):
    named = lexicographic_sort_schema(schema).type_map.items()
    return {name: print_type(kind) for name, kind in named if name not in specified_scalar_types}


with client(TOKEN, fetch_schema_from_transport=True) as session:
    assert types(session.client.schema) == types(build_schema(Path(SCHEMA).read_text())), "the schema served is schema.graphql"
    pages, after = [], None
    while len(pages) < 2:
        page = ask(session, CUSTOMERS, first=2, after=after, filter={"kind": {"in": ["PERSON", "COMPANY"]}})["customers"]
        pages.append(page["nodes"])
        after = page["pageInfo"]["endCursor"]
    assert len({node["id"] for nodes in pages for node in nodes}) == 4

    customer = ask(session, CUSTOMER)["customer"]
    renamed = ask(session, RENAME, input={"id": customer["id"], "name": f"{customer['name']} (gql)"})
    assert renamed["updateCustomer"]["customer"]["name"] == f"{customer['name']} (gql)"

    wrong = refused(session, RENAME, input={"id": customer["id"], "name": ""})
    assert (wrong["code"], wrong["violations"][0]["field"]) == ("BAD_USER_INPUT", "input.name"), wrong
    assert refused(session, RENAME, input={"id": customer["id"], "name": "x", "expectedVersion": 1})["code"] == "CONFLICT"
    try:
        session.execute(gql("{ customers { nodes { nothing } } }"))
        raise AssertionError("gql checks documents by the schema that it has read")
    except GraphQLError:
        pass

with client(TOKEN) as session:
    assert refused(session, "{ customers { nodes { nothing } } }")["code"] == "GRAPHQL_VALIDATION_FAILED"
with client(None) as session:
    assert refused(session, CUSTOMERS, first=2)["code"] == "UNAUTHENTICATED"
