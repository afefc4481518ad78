"""A voice bot in its simplest form: it calls a number of NEON's test service, and says what it hears a second later.

    ./run                                                  (in another terminal)
    .venv/bin/python docs/examples/echo_bot.py .neon/access.json 601

The address, the password and the test account stand in access.json. It needs autobahn, which NEON has as well.
"""

import asyncio
import json
import math
import struct
import sys

from autobahn.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol

HEADER = struct.Struct("<BBHIQII")  # version, flags, waiting ms, rate, call id, sequence, timestamp
RATE = 16000


class EchoBot(WebSocketClientProtocol):
    def onConnect(self, response):
        self.answers = {}
        self.events = asyncio.Queue()
        self.last = 0
        self.heard = []

    def onOpen(self):
        self.talking = asyncio.ensure_future(self.run())

    def onMessage(self, payload, isBinary):
        if isBinary:
            self.hear(payload)
            return
        message = json.loads(payload)
        if message.get("action") == "event":
            self.events.put_nowait(message)
        elif message.get("id") in self.answers:
            self.answers.pop(message["id"]).set_result(message)

    async def command(self, action, **parameters):
        """Ask for something; what is answered."""
        self.last += 1
        answer = self.answers[self.last] = asyncio.get_running_loop().create_future()
        self.sendMessage(json.dumps({"id": self.last, "action": action, **parameters}).encode())
        message = await answer
        if not message["success"]:
            raise RuntimeError(f"{action}: {message['error']['description']}")
        return message["data"]

    async def event(self, name):
        """Wait for it, and pass over the others."""
        while (event := await self.events.get())["name"] != name:
            print(event["name"], event["data"])
        return event["data"]

    async def run(self):
        try:
            await self.talk()
        except RuntimeError as error:
            print(error)
        self.sendClose(1000)

    async def talk(self):
        access, number, seconds = self.factory.settings
        token = (await self.command("authenticate", user=access["user"], password=access["password"]))["token"]
        await self.command("subscribe", token=token, events=["OnDTMF", "OnSpeech"])
        await self.command("sipregister", token=token, **{**access["sip"], "autodisconnect": True})
        await self.event("OnSIPRegister")
        call = (await self.command("startcall", token=token, number=number))["callId"]
        await self.event("OnAcceptCall")
        await self.command("openaudio", token=token, callid=call, rate=RATE)
        self.say(call, b"".join(struct.pack("<h", round(8000 * math.sin(n * 0.2))) for n in range(RATE // 2)))
        await asyncio.sleep(seconds)
        await self.command("finalizecall", token=token, callid=call)

    def hear(self, message):
        """20 ms of the far end: kept for a second, and said again."""
        _, _, waiting, _, call, sequence, _ = HEADER.unpack_from(message)
        samples = message[HEADER.size :]
        self.heard.append(samples)
        if len(self.heard) > 50:
            self.say(call, self.heard.pop(0))
        if sequence % 50 == 49:
            values = struct.unpack(f"<{len(samples) // 2}h", samples)
            level = 10 * math.log10(sum(value * value for value in values) / len(values) / 2**30 + 1e-10)
            print(f"second {(sequence + 1) // 50}: {level:.0f} dB heard, {waiting} ms wait to be said")

    def say(self, call, samples):
        """Any number of samples; what is ahead of time waits, ten seconds at most."""
        self.sendMessage(HEADER.pack(1, 0, 0, RATE, call, 0, 0) + samples, isBinary=True)

    def onClose(self, wasClean, code, reason):
        asyncio.get_running_loop().stop()


def main():
    with open(sys.argv[1]) as file:
        access = json.load(file)
    number = sys.argv[2] if len(sys.argv) > 2 else "600"
    seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 10.0
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    factory = WebSocketClientFactory(access["websocket"])
    factory.protocol = EchoBot
    factory.settings = access, number, seconds
    host, port = access["websocket"].removeprefix("ws://").rstrip("/").rsplit(":", 1)
    loop.run_until_complete(loop.create_connection(factory, host.strip("[]"), int(port)))
    loop.run_forever()


if __name__ == "__main__":
    main()
