"""The Kafka protocol as a test speaks it byte by byte: frames, batches and the few requests that no client library would send."""
import dataclasses
import pathlib
import socket
import struct
import time

from firn import PATIENCE

CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
BATCH_HEADER = struct.Struct(">qiibIhiqqqhii")


def string(text):
    return struct.pack(">h", -1) if text is None else struct.pack(">h", len(text.encode())) + text.encode()


def compact(text):
    return bytes([len(text.encode()) + 1]) + text.encode()


def header(key, version, correlation=1, client="wire", is_flexible=False):
    return struct.pack(">hhi", key, version, correlation) + string(client) + (b"\0" if is_flexible else b"")


class Connection:
    """One TCP connection to a broker."""

    def __init__(self, address, seconds=10):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=seconds * PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send_bytes(self, data):
        self.socket.sendall(data)

    def send(self, request):
        self.send_bytes(struct.pack(">i", len(request)) + request)

    def exactly(self, size):
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise EOFError(f"the broker closed the connection after {len(data)} of {size} bytes")
            data += part
        return data

    def receive(self):
        """The next response: (correlation id, what follows)."""
        data = self.exactly(struct.unpack(">i", self.exactly(4))[0])
        return struct.unpack(">i", data[:4])[0], data[4:]

    def ask(self, request):
        self.send(request)
        return self.receive()[1]

    def is_closed(self):
        """Whether the broker closes without a word."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True


@dataclasses.dataclass
class Batch:
    bytes: bytes
    base_offset: int
    codec: int
    count: int

    @property
    def body(self):
        """What no broker may change: all but base offset and leader epoch."""
        return self.bytes[16:]


def batches(data):
    found = []
    while len(data) >= 61:
        size = 12 + struct.unpack(">i", data[8:12])[0]
        if size > len(data):
            break
        fields = BATCH_HEADER.unpack(data[:61])
        found.append(Batch(data[:size], fields[0], fields[5] & 7, fields[12]))
        data = data[size:]
    return found


def fetch_request(topic, partition, offset):
    """Fetch 10, which also gives zstd, of up to 64 MiB."""
    body = struct.pack(">iiiibii", -1, 100, 1, 64 << 20, 0, 0, -1)
    body += struct.pack(">i", 1) + string(topic) + struct.pack(">iiiqqi", 1, partition, -1, offset, -1, 64 << 20) + struct.pack(">i", 0)
    return header(1, 10) + body


def fetch(address, topic, partition, offset):
    """Whole batches from `offset` on, as bytes."""
    with Connection(address) as connection:
        answer = connection.ask(fetch_request(topic, partition, offset))
    at = 4 + 2 + 4 + 4 + 2 + len(topic.encode()) + 4 + 4
    error, high_watermark = struct.unpack(">hq", answer[at:at + 10])
    at += 10 + 8 + 8
    aborted = struct.unpack(">i", answer[at:at + 4])[0]
    at += 4 + max(aborted, 0) * 16
    size = struct.unpack(">i", answer[at:at + 4])[0]
    if error:
        raise AssertionError(f"fetch of {topic}-{partition} at {offset}: error {error}")
    return batches(answer[at + 4:at + 4 + max(size, 0)]), high_watermark


def produce(connection, topic, records, partition=0, acks=-1, version=3, correlation=1):
    """Sends `records` as they are; (error code, base offset), or None without acks."""
    body = string(None) + struct.pack(">hi", acks, 10_000) + struct.pack(">i", 1) + string(topic)
    body += struct.pack(">ii", 1, partition) + struct.pack(">i", len(records)) + records
    connection.send(header(0, version, correlation) + body)
    if acks == 0:
        return None
    _, answer = connection.receive()
    at = 4 + 2 + len(topic.encode()) + 4 + 4
    return struct.unpack(">hq", answer[at:at + 10])


def varint(number):
    number = (number << 1) ^ (number >> 63)
    out = b""
    while number > 0x7f:
        out += bytes([number & 0x7f | 0x80])
        number >>= 7
    return out + bytes([number])


def record(delta, value, key=None):
    body = b"\0" + varint(0) + varint(delta)
    body += varint(-1) if key is None else varint(len(key)) + key
    body += varint(len(value)) + value + varint(0)
    return varint(len(body)) + body


def batch(body, count, codec=0, magic=2, base_offset=0, timestamp_ms=None, last_delta=None, crc=None, length=None):
    """A record batch around `body`, of now; anything about it can be made wrong."""
    timestamp_ms = int(time.time() * 1000) if timestamp_ms is None else timestamp_ms
    rest = struct.pack(">hiqqqhii", codec, count - 1 if last_delta is None else last_delta, timestamp_ms, timestamp_ms, -1, -1, -1, count) + body
    crc = crc32c(rest) if crc is None else crc
    return struct.pack(">qiibI", base_offset, 9 + len(rest) if length is None else length, 0, magic, crc) + rest


def _table():
    table = []
    for n in range(256):
        for _ in range(8):
            n = (n >> 1) ^ 0x82F63B78 if n & 1 else n >> 1
        table.append(n)
    return table


TABLE = _table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def stored_bytes(data):
    """The contents of all segment files of a stopped node's data directory."""
    return [path.read_bytes() for path in sorted(pathlib.Path(data).glob("partitions/*/*.log"))]
