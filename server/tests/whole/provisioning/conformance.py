"""Asks a running server all that scim2-tester asks, and prints what it found as JSON: one line for each check that did not
succeed, and one with the counts. Usage: conformance.py ADDRESS, with the key on standard input."""

import json
import sys
import uuid

from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server, filling

# The tester makes a user name out of thin air. Here it must be an e-mail address, as the schema says in words.
make = filling.generate_random_value


def make_with_addresses(context, path, *arguments, **named):
    value = make(context, path, *arguments, **named)
    if value is not None and str(path).lower().endswith("username"):
        return f"{uuid.uuid4()}@conformance.example"
    return value


for module in [module for name, module in sys.modules.items() if name.startswith("scim2_tester")]:
    if getattr(module, "generate_random_value", None) is make:
        module.generate_random_value = make_with_addresses

key = sys.stdin.readline().strip()
http = Client(base_url=sys.argv[1], headers={"Authorization": f"Bearer {key}"}, trust_env=False)
# Groups are the roles: none is made, so only their description is looked at.
results = check_server(SyncSCIMClient(http), resource_types=["User"])
counts = {}
for result in results:
    counts[result.status.name] = counts.get(result.status.name, 0) + 1
    if result.status != Status.SUCCESS:
        print(json.dumps({"check": result.title, "status": result.status.name, "reason": str(result.reason)}))
print(json.dumps({"counts": counts}))
