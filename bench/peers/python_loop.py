"""Expo's Python SDK in a loop: `publish_multiple`, which sends chunks of a hundred.

`python -m bench.peers.python_loop NUMBER WARM_UP` sends what it reads to EXPO_BASE_URL and prints
what that took, as JSON.
"""

import json
import os
import sys
import time

from exponent_server_sdk import PushClient, PushMessage  # type: ignore[import-untyped]


def main() -> None:
    number, warm_up = map(int, sys.argv[1:])
    messages = [
        PushMessage(
            to=one["to"],
            title=one["title"],
            body=one["body"],
            sound=one["sound"],
            priority=one["priority"],
            expiration=one["expiration"],
            data=one["data"],
        )
        for one in json.load(sys.stdin)
    ]
    client = PushClient(host=os.environ["EXPO_BASE_URL"])
    client.publish_multiple(messages[:warm_up])
    began_at, began_cpu = time.perf_counter(), time.process_time()
    tickets = client.publish_multiple(messages[warm_up : warm_up + number])
    taken = {
        "number": sum(ticket.is_success() for ticket in tickets),
        "seconds": time.perf_counter() - began_at,
        "cpu_seconds": time.process_time() - began_cpu,
    }
    sys.stdout.write(json.dumps(taken))


if __name__ == "__main__":
    main()
