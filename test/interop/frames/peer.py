"""Reads frames of @throughline/stream and answers each, without OpenTelemetry: what a peer in another language needs."""
import json, secrets, socket, struct

NAMES = {1: "traceparent", 2: "tracestate", 3: "baggage"}
IDS = {name: number for number, name in NAMES.items()}


def read(stream):
    fixed = stream.read(10)
    if not fixed:
        return None
    magic, version, length, size = struct.unpack(">3sBHI", fixed)
    assert magic == b"\xf5TL" and version > 0
    block, at, fields = stream.read(length), 0, {}
    while at < length:
        number, width = struct.unpack_from(">BH", block, at)
        fields[NAMES.get(number, "")] = block[at + 3 : at + 3 + width].decode("latin1")
        at += 3 + width
    return fields, stream.read(size)


def frame(fields, data):
    block = b"".join(struct.pack(">BH", IDS[n], len(v)) + v.encode("latin1") for n, v in fields.items())
    return struct.pack(">3sBHI", b"\xf5TL", 1, len(block), len(data)) + block + data


server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
connection = server.accept()[0]
stream = connection.makefile("rb")
while received := read(stream):
    fields, data = received
    version, trace, _, flags = fields["traceparent"].split("-")
    answer = {**fields, "traceparent": f"{version}-{trace}-{secrets.token_hex(8)}-{flags}"}
    connection.sendall(frame(answer, json.dumps({"data": data.decode(), **fields}).encode()))
