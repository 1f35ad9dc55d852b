"use strict";
(() => {
  const at = (id) => document.getElementById(id);
  const show = (status, text) => {
    at("status").textContent = status;
    at("result").textContent = text;
  };
  // The status and the text of an answer.
  const ask = async (parameters) => {
    const headers = {
      "content-type": "application/json",
      accept: "application/graphql-response+json, application/json;q=0.9",
    };
    const token = at("token").value.trim();
    if (token !== "") headers.authorization = "Bearer " + token;
    const response = await fetch(location.pathname, {
      method: "POST",
      credentials: "omit",
      headers,
      body: JSON.stringify(parameters),
    });
    return [String(response.status), await response.text()];
  };
  const indented = (answer) => {
    try {
      return JSON.stringify(JSON.parse(answer), null, 2);
    } catch {
      // Not JSON: shown as it came.
      return answer;
    }
  };

  const OF = "kind name ofType { kind name ofType { kind name ofType { kind name } } }";
  const INPUT = "name description defaultValue type { " + OF + " }";
  const SCHEMA =
    "{ __schema { types { kind name description interfaces { name } possibleTypes { name } enumValues(includeDeprecated: true) " +
    "{ name description deprecationReason } inputFields { " + INPUT + " } fields(includeDeprecated: true) " +
    "{ name description deprecationReason args { " + INPUT + " } type { " + OF + " } } } } }";
  const KEYWORDS = { OBJECT: "type", INTERFACE: "interface", UNION: "union", ENUM: "enum", INPUT_OBJECT: "input", SCALAR: "scalar" };
  const BUILT_IN = ["Boolean", "Float", "ID", "Int", "String"];
  const named = (type) => {
    if (type.kind === "NON_NULL") return named(type.ofType) + "!";
    return type.kind === "LIST" ? "[" + named(type.ofType) + "]" : type.name;
  };
  const described = (text, indent) => (text ? indent + '"""' + text.replaceAll('"""', '\\"""') + '"""\n' : "");
  const input = (value) => value.name + ": " + named(value.type) + (value.defaultValue === null ? "" : " = " + value.defaultValue);
  const deprecated = (value) => (value.deprecationReason ? " @deprecated(reason: " + JSON.stringify(value.deprecationReason) + ")" : "");
  const takes = (args) => {
    if (args.length === 0) return "";
    if (args.every((arg) => !arg.description)) return "(" + args.map(input).join(", ") + ")";
    return "(\n" + args.map((arg) => described(arg.description, "    ") + "    " + input(arg) + "\n").join("") + "  )";
  };
  const member = (value) => {
    const of = value.args ? value.name + takes(value.args) + ": " + named(value.type) : value.type ? input(value) : value.name;
    return described(value.description, "  ") + "  " + of + deprecated(value) + "\n";
  };
  const definition = (type) => {
    const joined = (types, sign) => (types ?? []).map((each) => each.name).join(sign);
    const head = described(type.description, "") + KEYWORDS[type.kind] + " " + type.name;
    if (type.kind === "SCALAR") return head + "\n";
    if (type.kind === "UNION") return head + " = " + joined(type.possibleTypes, " | ") + "\n";
    const interfaces = joined(type.interfaces, " & ");
    const members = type.fields ?? type.inputFields ?? type.enumValues ?? [];
    return head + (interfaces && " implements " + interfaces) + " {\n" + members.map(member).join("") + "}\n";
  };
  const sdl = (answer) => {
    const own = (type) => !type.name.startsWith("__") && !BUILT_IN.includes(type.name);
    return JSON.parse(answer).data.__schema.types.filter(own).map(definition).join("\n");
  };

  const telling = async (work) => {
    show("…", "");
    try {
      show(...(await work()));
    } catch (error) {
      show("", error.message);
    }
  };
  const run = () =>
    telling(async () => {
      const text = at("variables").value.trim();
      let variables;
      try {
        variables = text === "" ? undefined : JSON.parse(text);
      } catch (error) {
        return ["", "Variables: " + error.message];
      }
      const [status, answer] = await ask({ query: at("query").value, variables });
      return [status, indented(answer)];
    });
  const schema = () =>
    telling(async () => {
      const [status, answer] = await ask({ query: SCHEMA });
      return [status, status === "200" && !("errors" in JSON.parse(answer)) ? sdl(answer) : indented(answer)];
    });
  at("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    run();
  });
  at("ask").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      run();
    }
  });
  at("schema").addEventListener("click", schema);
})();
