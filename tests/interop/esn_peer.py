#!/usr/bin/python3
"""The data of a tunnel with extended sequence numbers that strongSwan has negotiated: its user space
ESP refuses to carry it, but has derived the keys, which its log says (chd = 4). Here they meet
scapy's ESP instead.

Usage: esn_peer.py LOG read PCAP SRC          packets from SRC in the capture are pings, 1, 2, 3...
       esn_peer.py LOG write IFACE MAC SRC DST INNER_SRC INNER_DST
                                              sends pings with the numbers of NUMBERS, UDP 4500
"""
import re
import sys

from scapy.all import ICMP, IP, UDP, Ether, Raw, rdpcap, sendp
from scapy.layers.ipsec import ESP, SecurityAssociation

from esp_scapy import AUTHS, Extended, esp_of

WRAP = 1 << 32
# In this order. The window holds 64 numbers, so that a low one behind 100 is of the next round.
NUMBERS = [
    1, 100,                # pass
    WRAP + 5, WRAP + 3,    # pass, the second one late
    WRAP + 3,              # dropped: again
    101,                   # dropped: counts as one of the round that has begun
]


def block(log, title):
    """The bytes behind the last line that says TITLE => N bytes."""
    at = log.rindex(title + " => ")
    size = int(re.match(r"(\d+)", log[at + len(title) + 4:]).group(1))
    text = b""
    for line in log[at:].split("\n")[1:]:
        match = re.search(r"\[CHD\] +\d+: ((?:[0-9A-F]{2} )+)", line)
        if not match or len(text) >= size:
            break
        text += bytes.fromhex(match.group(1))
    return text[:size]


class Child:
    """The newest child of the log; the gateway was the initiator."""

    def __init__(self, log):
        self.log = log
        self.aead = "using AES_GCM" in log[log.rindex("adding inbound ESP SA") - 3000:]

    def spi(self, side):
        at = self.log.rindex("adding %s ESP SA" % side)
        return int(re.search(r"SPI (0x[0-9a-f]+)", self.log[at:]).group(1), 16)

    def peer(self, role, number, esn=True):
        """scapy for one number of the direction in which ROLE sends."""
        auth = None if self.aead else next(a for a in AUTHS if a[0] == "sha256")
        key = block(self.log, "encryption %s key" % role)
        auth_key = b"" if self.aead else block(self.log, "integrity %s key" % role)
        spi = self.spi("inbound" if role == "initiator" else "outbound")

        def scapy_sa():
            return SecurityAssociation(
                ESP, spi=spi, crypt_algo="AES-GCM" if self.aead else "AES-CBC", crypt_key=key,
                auth_algo=auth[2] if auth else "NULL", auth_key=auth_key or None,
                tunnel_header=IP(src=sys.argv[5], dst=sys.argv[6]) if role == "responder" else IP(),
                nat_t_header=UDP(sport=4500, dport=4500), esn_en=esn)

        return Extended(scapy_sa, auth, auth_key, number)


def fails(run, *args):
    try:
        run(*args)
    except Exception:  # pylint: disable=broad-except
        return True
    return False


def read(child, pcap, src):
    number = 0
    for packet in rdpcap(pcap):
        if IP not in packet or packet[IP].src != src or UDP not in packet or \
                packet[UDP].dport != 4500 or bytes(packet[UDP].payload)[:4] == bytes(4):
            continue
        number += 1
        outer = packet[IP]
        esp = esp_of(outer, True)
        assert esp.spi == child.spi("inbound") and esp.seq == number, (esp.spi, esp.seq)
        plain = child.peer("initiator", number).decrypt(outer, esp)
        assert plain[ICMP].type == 8, plain
        other = child.peer("initiator", number + WRAP)
        assert fails(other.decrypt, outer, esp), "another upper half does as well"
    assert number >= 3, "%d packets" % number
    print("   %d packets hold with their upper half, and not with another" % number)


def write(child, iface, mac, inner_src, inner_dst):
    link = Ether(dst=mac, src="02:00:00:00:00:99")
    for number in NUMBERS:
        inner = IP(src=inner_src, dst=inner_dst) / ICMP(id=9, seq=number & 0xffff) / Raw(b"hello")
        outer = child.peer("responder", number).encrypt(inner)
        # scapy gives the UDP header the length of an empty datagram.
        packet = IP(src=sys.argv[5], dst=sys.argv[6]) / UDP(sport=4500, dport=4500, chksum=0)
        sendp(link / packet / Raw(outer[28:]), iface=iface, verbose=False)


def main():
    with open(sys.argv[1], encoding="ascii", errors="replace") as file:
        child = Child(file.read())
    if sys.argv[2] == "read":
        read(child, sys.argv[3], sys.argv[4])
    else:
        write(child, sys.argv[3], sys.argv[4], sys.argv[7], sys.argv[8])


if __name__ == "__main__":
    main()
