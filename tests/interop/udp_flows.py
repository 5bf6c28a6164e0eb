#!/usr/bin/python3
"""udp_flows.py send FLOWS PACKETS ADDRESS... | udp_flows.py echo ADDRESS...

Sends numbered datagrams in many flows (source ports) to port 7 of each address, a datagram of each
flow in turn, and reads what comes back: every flow's numbers, all of them, in order. At most
WINDOW are under way, lest buffers overflow when somebody stands still. `echo` sends back what it
gets. Ends with 1 and says what was wrong.
"""

import selectors
import socket
import sys
import time

PORT = 7
IDLE = 10  # seconds without a datagram
WINDOW = 200


def echo(addresses):
    sockets = selectors.DefaultSelector()
    for a in addresses:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        s.bind((a, PORT))
        sockets.register(s, selectors.EVENT_READ)
    print("ready", flush=True)
    while True:
        for key, _ in sockets.select():
            data, source = key.fileobj.recvfrom(2048)
            key.fileobj.sendto(data, source)


def send(flows, packets, addresses):
    ready = selectors.DefaultSelector()
    got = {}
    sent = 0
    sockets = []
    for i in range(flows):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.connect((addresses[i % len(addresses)], PORT))
        s.setblocking(False)
        ready.register(s, selectors.EVENT_READ)
        sockets.append(s)
        got[s] = []

    def read(seconds):
        events = ready.select(seconds)
        for key, _ in events:
            try:
                got[key.fileobj].append(int(key.fileobj.recv(2048).split()[0]))
            except BlockingIOError:
                pass
        return bool(events)

    def received():
        return sum(map(len, got.values()))

    for n in range(packets):
        for s in sockets:
            s.send(b"%d %s" % (n, b"x" * (n * 7 % 900)))
            sent += 1
            while sent - received() >= WINDOW:
                if not read(IDLE):
                    print("%d of %d datagrams came back" % (received(), sent))
                    return 1
        read(0)
        time.sleep(0.002)
    while received() < sent and read(IDLE):
        pass
    wrong = [g for g in got.values() if g != list(range(packets))]
    for g in wrong[:3]:
        print("a flow came back as %s" % g)
    print("%d of %d flows whole and in order" % (flows - len(wrong), flows))
    return 1 if wrong else 0


if sys.argv[1] == "echo":
    echo(sys.argv[2:])
sys.exit(send(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]))
