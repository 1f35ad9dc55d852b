"use strict";
(() => {
  const at = (id) => document.getElementById(id);
  const show = (status, text) => {
    at("status").textContent = status;
    at("result").textContent = text;
  };
  const run = async () => {
    const text = at("variables").value.trim();
    let variables;
    try {
      variables = text === "" ? undefined : JSON.parse(text);
    } catch (error) {
      show("", "Variables: " + error.message);
      return;
    }
    const headers = {
      "content-type": "application/json",
      accept: "application/graphql-response+json, application/json;q=0.9",
    };
    const token = at("token").value.trim();
    if (token !== "") headers.authorization = "Bearer " + token;
    show("…", "");
    try {
      const response = await fetch(location.pathname, {
        method: "POST",
        credentials: "omit",
        headers,
        body: JSON.stringify({ query: at("query").value, variables }),
      });
      const answer = await response.text();
      let shown = answer;
      try {
        shown = JSON.stringify(JSON.parse(answer), null, 2);
      } catch {
        // Not JSON: shown as it came.
      }
      show(String(response.status), shown);
    } catch (error) {
      show("", error.message);
    }
  };
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
})();
