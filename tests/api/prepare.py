"""Prepares a server for schemathesis: registers people, makes a call, and writes down what requests can name.

Usage: prepare.py URL STDERR_FILE FOLDER
Writes FOLDER/token (an access token) and FOLDER/schemathesis.toml (values for parameters).
Only the standard library is used.
"""

import json
import re
import sys
import time
import urllib.request

LIMIT_S = 30
ANNA, BEN = "+442079460001", "+442079460002"


def ask(url, body=None, token=None):
    """Sends a request; the answer's JSON."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data)
    if body is not None:
        request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=LIMIT_S) as response:
        return json.load(response)


def codes(path, number):
    """The codes that were shown for a number, in order."""
    with open(path, encoding="utf-8", errors="replace") as file:
        return re.findall(rf"SMS to {re.escape(number)}: .*?\b([0-9]{{6}})\b", file.read())


def register(url, shown, number):
    """Registers a device for a number; its credentials."""
    before = len(codes(shown, number))
    device = {"name": "api test", "kind": "other"}
    started = ask(f"{url}/v1/registrations", {"identity": number, "device": device})
    until = time.monotonic() + LIMIT_S
    while len(codes(shown, number)) <= before:
        if time.monotonic() > until:
            sys.exit("prepare.py: no code was shown")
        time.sleep(0.05)
    code = codes(shown, number)[before]
    return ask(f"{url}/v1/registrations/{started['registration']}/proof", {"code": code})


def main():
    url, shown, folder = sys.argv[1:]
    anna, spare, ben = (register(url, shown, number) for number in (ANNA, ANNA, BEN))

    def report(token, whom, other, role, stage):
        body = {"on_behalf_of": whom, "other": {"identity": other}, "role": role, "stage": stage}
        return ask(f"{url}/v1/call-notifications", body, token)

    report(anna["access_token"], ANNA, BEN, "calling", "attempt")
    joined = report(ben["access_token"], BEN, ANNA, "called", "alerting")
    open_one = ask(f"{url}/v1/registrations", {"identity": "+442079460003", "device": {"name": "x", "kind": "phone"}})
    with open(f"{folder}/token", "w", encoding="ascii") as file:
        file.write(anna["access_token"])
    parameters = {
        "path.session": joined["session"],
        "path.call": joined["call"],
        # Not the one whose token is used.
        "path.device": spare["device"],
        "path.registration": open_one["registration"],
    }
    with open(f"{folder}/schemathesis.toml", "w", encoding="ascii") as file:
        # 503 is the answer to a position that no read model has got to, as generated ones mostly are.
        file.write('[checks.not_a_server_error]\nexpected-statuses = ["2xx", "3xx", "4xx", "503"]\n\n[parameters]\n')
        for name, value in parameters.items():
            file.write(f"{json.dumps(name)} = {json.dumps(value)}\n")


if __name__ == "__main__":
    main()
