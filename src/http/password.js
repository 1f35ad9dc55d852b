"use strict";
(() => {
  const at = (id) => document.getElementById(id);
  const chinese = (navigator.language || "").toLowerCase().startsWith("zh");
  const say = (en, zh) => (chinese ? zh : en);
  const show = (text) => {
    at("result").textContent = text;
  };
  document.documentElement.lang = say("en", "zh-CN");
  at("title").textContent = say("Set your password", "设置密码");
  at("first").textContent = say("New password, 10 to 200 characters", "新密码，10到200个字符");
  at("second").textContent = say("The same again", "再次输入");
  at("send").textContent = say("Set", "设置");
  const token = location.hash.slice(1);
  // Neither the history nor a screenshot of the address bar keeps it.
  history.replaceState(null, "", location.pathname);
  if (token === "") {
    show(say("This address is not whole: open the link that you were given.", "地址不完整：请打开您收到的链接。"));
    at("send").disabled = true;
  }
  const set = async () => {
    if (at("password").value !== at("again").value) {
      show(say("The two are not the same.", "两次输入不一致。"));
      return;
    }
    at("send").disabled = true;
    show("…");
    let told;
    try {
      const response = await fetch("graphql", {
        method: "POST",
        credentials: "omit",
        headers: {
          "content-type": "application/json",
          accept: "application/json",
          "accept-language": say("en", "zh-CN"),
        },
        body: JSON.stringify({
          query: "mutation($input: SetPasswordInput!) { setPassword(input: $input) { isSet } }",
          variables: { input: { token, password: at("password").value } },
        }),
      });
      const answer = await response.json();
      const error = answer.errors && answer.errors[0];
      const violation = error && error.extensions.violations && error.extensions.violations[0];
      told = error ? (violation || error).message : "";
    } catch (error) {
      told = error.message;
    }
    if (told === "") {
      at("set").reset();
      show(say("Your password is set. You can sign in with it now.", "密码已设置，现在可以登录。"));
      return;
    }
    at("send").disabled = false;
    show(told);
  };
  at("set").addEventListener("submit", (event) => {
    event.preventDefault();
    set();
  });
})();
