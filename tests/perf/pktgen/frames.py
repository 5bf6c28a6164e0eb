#!/usr/bin/python3
"""Frames for a generator that replays captures, and the judge of what came out at the other side.

  frames.py make FILE MAC FROM TO COUNT [SEED]   COUNT frames to the gateway with this MAC, UDP of
                                                 many sizes and flows, from 10.FROM/16 to 10.TO/16
  frames.py compare SENT RECEIVED                each frame is there, once, in its place, unaltered
                                                 but for what two gateways on the way must alter
"""
import random
import struct
import sys

HOPS = 2  # gateways on the way
CAPTURE = struct.Struct("<IHHiIII")  # the head of a capture: magic, version, time zone, ..., Ethernet
FRAME = struct.Struct("<IIII")  # the head of a frame in it: time, bytes stored, bytes on the wire


def with_checksum(head):
    """An IPv4 header of 20 bytes with its checksum (RFC 1071)."""
    head = head[:10] + b"\x00\x00" + head[12:]
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xffff) + (total >> 16)
    total = (total & 0xffff) + (total >> 16)
    return head[:10] + struct.pack("!H", ~total & 0xffff) + head[12:]


def make(path, mac, net_from, net_to, count, seed="1"):
    """Sizes of 46 to 1441 bytes: what fits into ESP within 1500."""
    rand = random.Random(int(seed))
    ethernet = (bytes.fromhex(mac.replace(":", "")) + bytes([2, 0, 0, 0, 0, int(net_from)])
                + b"\x08\x00")
    with open(path, "wb") as out:
        out.write(CAPTURE.pack(0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for i in range(int(count)):
            payload = rand.randbytes(rand.randrange(4, 1400))
            addresses = bytes([10, int(net_from), rand.randrange(256), rand.randrange(1, 255),
                               10, int(net_to), rand.randrange(256), rand.randrange(1, 255)])
            # no fragment, TTL 64, UDP
            head = struct.pack("!BBHHHBBH", 0x45, i & 0xfc, 28 + len(payload), i & 0xffff, 0, 64,
                               17, 0)
            udp = struct.pack("!HHHH", 1024 + i % 64, 9, 8 + len(payload), 0)
            frame = ethernet + with_checksum(head + addresses) + udp + payload
            out.write(FRAME.pack(i, 0, len(frame), len(frame)) + frame)


def packets(path):
    """The IPv4 packets of a capture, without what Ethernet appended."""
    with open(path, "rb") as capture:
        data = capture.read()
    at = CAPTURE.size
    while at < len(data):
        _, _, stored, _ = FRAME.unpack_from(data, at)
        frame = data[at + FRAME.size:at + FRAME.size + stored]
        at += FRAME.size + stored
        if frame[12:14] == b"\x08\x00":
            length, = struct.unpack_from("!H", frame, 16)
            yield frame[14:14 + length]


def forwarded(packet):
    """What gateways make of it: a lower TTL, and the header checksum that goes with it."""
    head = packet[:8] + bytes([packet[8] - HOPS]) + packet[9:20]
    return with_checksum(head) + packet[20:]


def compare(sent_path, received_path):
    """0, or 1 and the first difference."""
    sent, received = list(packets(sent_path)), list(packets(received_path))
    for i, (one, other) in enumerate(zip(sent, received)):
        if forwarded(one) != other:
            print("packet %d differs:\n  sent     %s\n  received %s"
                  % (i, one[:64].hex(), other[:64].hex()))
            return 1
    if len(sent) != len(received):
        print("%d packets sent, %d received" % (len(sent), len(received)))
        return 1
    print("   %d packets, %d bytes: all there, in order, unaltered"
          % (len(sent), sum(len(p) for p in sent)))
    return 0


if __name__ == "__main__":
    if len(sys.argv) in (7, 8) and sys.argv[1] == "make":
        make(*sys.argv[2:])
    elif len(sys.argv) == 4 and sys.argv[1] == "compare":
        sys.exit(compare(*sys.argv[2:]))
    else:
        sys.exit(__doc__)
