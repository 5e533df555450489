"""What an event file of TensorBoard says: every record's checksums, then a line "STEP TAG VALUE" for each scalar, "STEP TAG WIDTH x HEIGHT PNG-SHA256" for each picture, "START STEP" for a
session's beginning, in order.

usage: python3 check_events.py FILE   (needs nothing but Python; where the tensorboard package is, it must agree)"""
import hashlib
import struct
import sys


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def records(path):
    data = open(path, "rb").read()
    at = 0
    while at < len(data):
        (size,), (check,) = struct.unpack_from("<Q", data, at), struct.unpack_from("<I", data, at + 8)
        assert masked(data[at:at + 8]) == check, "the checksum of a length"
        body = data[at + 12:at + 12 + size]
        assert masked(body) == struct.unpack_from("<I", data, at + 12 + size)[0], "the checksum of a record"
        yield body
        at += 16 + size


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not data[at - 1] & 0x80:
            return value, at


def fields(data):
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
        elif kind == 2:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            size = 8 if kind == 1 else 4
            value, at = struct.unpack_from("<d" if kind == 1 else "<f", data, at)[0], at + size
        yield key >> 3, value


def picture(image):
    png = image[4]
    assert png[:8] == b"\x89PNG\r\n\x1a\n" and struct.unpack(">II", png[16:24]) == (image[2], image[1]) and image[3] == 3, "a picture"
    return "%d x %d %s" % (image[2], image[1], hashlib.sha256(png).hexdigest())


def main():
    values = []
    assert crc32c(b"123456789") == 0xE3069283
    for number, body in enumerate(records(sys.argv[1])):
        event = dict(fields(body))
        if number == 0:
            assert event[3] == b"brain.Event:2", event
        elif 7 in event:
            print("START", event[2])
        else:
            for _, value in fields(event[5]):
                entry = dict(fields(value))
                values.append((event[2], entry[1].decode()))
                print("%d %s" % values[-1], picture(dict(fields(entry[4]))) if 4 in entry else "%.9g" % entry[2])
    try:
        from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
    except ImportError:
        return
    seen = [(event.step, value.tag) for event in EventFileLoader(sys.argv[1]).Load() for value in event.summary.value]
    assert seen == values, "the tensorboard package reads something else"


if __name__ == "__main__":
    main()
