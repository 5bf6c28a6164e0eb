#!/usr/bin/python3
"""The data of a transport mode SA that strongSwan has negotiated as responder: its user space ESP
knows tunnels only, but has derived the keys, which its log says (chd = 4). Here they meet scapy's.

Usage: transport_peer.py LOG write IFACE MAC SRC DST   sends pings with options and of several sizes,
                                                       in ESP in UDP
       transport_peer.py LOG read PCAP SRC             the answers to all of them are in the capture
"""
import re
import sys

from scapy.all import ICMP, IP, UDP, Ether, IPOption_NOP, Raw, rdpcap, sendp
from scapy.layers.ipsec import ESP, SecurityAssociation

from esn_peer import block
from esp_scapy import esp_of

SIZES = [0, 1, 56, 1000, 1300]


def spi(log, side):
    at = log.rindex("adding %s ESP SA" % side)
    return int(re.search(r"SPI (0x[0-9a-f]+)", log[at:]).group(1), 16)


def association(log, role):
    """The direction in which ROLE sends; strongSwan is the responder."""
    return SecurityAssociation(
        ESP, spi=spi(log, "outbound" if role == "responder" else "inbound"),
        crypt_algo="AES-CBC", crypt_key=block(log, "encryption %s key" % role),
        auth_algo="SHA2-256-128", auth_key=block(log, "integrity %s key" % role),
        nat_t_header=UDP(sport=4500, dport=4500))


def payload(number):
    return bytes((number + i) & 0xff for i in range(SIZES[number]))


def write(log, iface, mac, src, dst):
    sa = association(log, "responder")
    for number in range(len(SIZES)):
        ip = IP(src=src, dst=dst, id=number, options=[IPOption_NOP()] * (4 * (number % 3)))
        packet = IP(bytes(ip / ICMP(id=9, seq=number) / Raw(payload(number))))
        outer = sa.encrypt(packet)
        head = len(packet) - len(packet.payload)
        # scapy gives the UDP header the length of an empty datagram.
        esp = bytes(outer)[head + 8:]
        ip.proto = 17
        sendp(Ether(dst=mac, src="02:00:00:00:00:99") / ip /
              UDP(sport=4500, dport=4500, len=8 + len(esp), chksum=0) / Raw(esp),
              iface=iface, verbose=False)


def read(log, pcap, src):
    sa, seen = association(log, "initiator"), []
    for packet in rdpcap(pcap):
        if IP not in packet or packet[IP].src != src or UDP not in packet or \
                packet[UDP].dport != 4500 or bytes(packet[UDP].payload)[:4] == bytes(4):
            continue
        outer = packet[IP]
        esp = esp_of(outer, True)
        header = outer.copy()
        header.remove_payload()
        header.proto = 50
        del header.len, header.chksum
        plain = sa.decrypt(IP(bytes(header / esp)))
        assert plain[ICMP].type == 0 and plain.src == src, plain
        number = plain[ICMP].seq
        assert bytes(plain[ICMP].payload) == payload(number), number
        assert len(plain.options) == 4 * (number % 3), number
        seen.append(number)
    assert seen == list(range(len(SIZES))), seen
    print("   %d echoes were answered, options and all" % len(seen))


def main():
    with open(sys.argv[1], encoding="ascii", errors="replace") as file:
        log = file.read()
    if sys.argv[2] == "write":
        write(log, *sys.argv[3:7])
    else:
        read(log, sys.argv[3], sys.argv[4])


if __name__ == "__main__":
    main()
