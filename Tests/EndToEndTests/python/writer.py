"""Saves numbers over HTTP and prints each one that was acknowledged, until the connection breaks.

    writer.py PORT FIRST           saves FIRST + 1, FIRST + 2, ...
    writer.py PORT --check LAST    every number up to LAST is there
"""

import http.client
import json
import sys

PATH = "/v1.0/state/statestore"
JSON = {"content-type": "application/json"}

connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=20)


def post(path, body):
    connection.request("POST", path, json.dumps(body), JSON)
    response = connection.getresponse()
    return response.status, response.read()


def check(last):
    lost = []
    for start in range(1, last + 1, 500):
        numbers = range(start, min(start + 500, last + 1))
        status, body = post(PATH + "/bulk", {"keys": [f"n{number}" for number in numbers]})
        assert status == 200, (status, body)
        found = {item["key"]: item.get("data") for item in json.loads(body)}
        lost += [number for number in numbers if found.get(f"n{number}") != number]
    print(f"lost: {lost}")
    sys.exit(1 if lost else 0)


if sys.argv[2] == "--check":
    check(int(sys.argv[3]))
number = int(sys.argv[2])
while True:
    number += 1
    try:
        status, body = post(PATH, [{"key": f"n{number}", "value": number}])
    except (OSError, http.client.HTTPException):
        break
    assert status == 204, (status, body)
    print(number, flush=True)
