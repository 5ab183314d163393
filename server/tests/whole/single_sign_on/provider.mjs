// A certified OpenID provider on a free port of this machine, for one test.
//
//   node provider.mjs <folder with oidc-provider> <redirect address> <back-channel logout address>
//
// Prints its issuer, then runs until its standard input closes. Two clients, `rs256` and `es256`, say what it signs with.
// Whoever signs in is who they say they are: the test is about what the product makes of it.

import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";
import { join } from "node:path";

const [folder, redirect, logout] = process.argv.slice(2);
const { Provider } = await import(pathToFileURL(join(folder, "lib/index.js")).href);

const server = createServer();
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const issuer = `http://127.0.0.1:${server.address().port}`;

const key = (kind, options, alg) => ({
  ...generateKeyPairSync(kind, options).privateKey.export({ format: "jwk" }),
  alg,
  use: "sig",
});
const client = (alg) => ({
  client_id: alg.toLowerCase(),
  client_secret: `secret of ${alg}`,
  redirect_uris: [redirect],
  response_types: ["code"],
  grant_types: ["authorization_code"],
  id_token_signed_response_alg: alg,
  token_endpoint_auth_method: "client_secret_basic",
  backchannel_logout_uri: logout,
  backchannel_logout_session_required: true,
});

const provider = new Provider(issuer, {
  clients: [client("RS256"), client("ES256")],
  jwks: {
    keys: [key("rsa", { modulusLength: 2048 }, "RS256"), key("ec", { namedCurve: "P-256" }, "ES256")],
  },
  cookies: { keys: ["a key of this test"] },
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
  pkce: { required: () => true },
  features: { backchannelLogout: { enabled: true } },
  // What is asked for is granted: the provider's page about it is not what is tested.
  async loadExistingGrant(ctx) {
    const grant = new provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
    grant.addOIDCScope("openid email profile");
    await grant.save();
    return grant;
  },
  findAccount: (_ctx, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@harbour.example`, email_verified: true, name: `Known as ${id}` }),
  }),
  // The product stands on this machine, which the provider's own guard would not ask.
  fetch(url, options) {
    delete options.dispatcher;
    return fetch(url, options);
  },
});

server.on("request", provider.callback());
console.log(issuer);
// Nobody reads what else the provider says, and a closed pipe would end it.
console.info = console.warn = console.log = () => {};
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
