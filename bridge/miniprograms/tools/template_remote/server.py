"""The server of a mini-program. It needs the packages aiohttp and cryptography.

python server.py PORT KEY…    the keys (ed25519:…) of the installations that it serves
"""

import json
import sys

from aiohttp import web
from courtyard_verify import Answers, Rejected, verify

TEXTS = {
    "en": ("Hello! Wave with the button, or type **wave 3**.", "Waved {n} times.", "Wave"),
    "zh": ("你好！点按钮挥手，或者输入 **wave 3**。", "挥了 {n} 次手。", "挥手"),
}


def handle(event):
    """An event comes in, a new state and a list of effects go out."""
    hello, waved, wave = TEXTS.get(event["locale"].split("-")[0], TEXTS["en"])
    count = (event["state"] or {}).get("waved", 0)
    choices = [{"id": "wave", "label": wave}]
    if event["type"] == "open":
        shown = {"type": "ui.send", "key": "board", "text": hello, "choices": choices}
        return {"state": {"waved": count}, "effects": [shown]}
    if event["type"] == "choice":
        count += 1
    elif event["type"] == "command":
        times = event["data"]["args"].get("times")
        count = min(count + (1 if times is None else times), 2**52)
    else:
        return {"state": event["state"], "effects": []}
    shown = {"type": "ui.update", "key": "board", "text": waved.format(n=count), "choices": choices}
    return {"state": {"waved": count}, "effects": [shown]}


def server(keys):
    answers = Answers()

    async def deliver(request):
        body = await request.read()
        try:
            delivery = verify(request.headers, body, keys)
        except Rejected:
            return web.Response(status=401)
        # It may come again, if our answer was lost: then it gets the same one, and nothing happens twice.
        answer = answers.recall(delivery)
        if answer is None:
            answer = answers.remember(delivery, json.dumps(handle(json.loads(body))).encode())
        return web.Response(body=answer, content_type="application/json")

    app = web.Application(client_max_size=1_000_000)
    app.router.add_post("/courtyard", deliver)
    return app


if __name__ == "__main__":
    # On the loopback: what the world sees is a web server with a certificate in front of it.
    web.run_app(server(sys.argv[2:]), host="127.0.0.1", port=int(sys.argv[1]), print=None)
