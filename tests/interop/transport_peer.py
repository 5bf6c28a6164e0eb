#!/usr/bin/python3
"""The data of a transport mode SA that strongSwan has negotiated as responder: its user space ESP
knows tunnels only, but has derived the keys, which its log says (chd = 4). Here they meet scapy's.

Usage: transport_peer.py LOG write IFACE MAC SRC DST   sends pings with options and of several sizes,
                                                       in ESP in UDP
       transport_peer.py LOG read PCAP SRC             the answers to all of them are in the capture
Of IPv6 the options are extension headers, for routers and for the destination; answers have none.
"""
import re
import sys

from scapy.all import (ICMP, IP, UDP, Ether, ICMPv6EchoReply, ICMPv6EchoRequest,
                       ICMPv6ND_NA, ICMPv6NDOptDstLLAddr, IPOption_NOP, IPv6, IPv6ExtHdrDestOpt,
                       IPv6ExtHdrHopByHop, PadN, Raw, in6_chksum, rdpcap, sendp)
from scapy.layers.ipsec import ESP, SecurityAssociation

from esn_peer import block
from esp_scapy import esp_of

SIZES = [0, 1, 56, 1000, 1300]


def spi(log, side):
    at = log.rindex("adding %s ESP SA" % side)
    return int(re.search(r"SPI (0x[0-9a-f]+)", log[at:]).group(1), 16)


def association(log, role, header=UDP(sport=4500, dport=4500)):
    """The direction in which ROLE sends; strongSwan is the responder."""
    return SecurityAssociation(
        ESP, spi=spi(log, "outbound" if role == "responder" else "inbound"),
        crypt_algo="AES-CBC", crypt_key=block(log, "encryption %s key" % role),
        auth_algo="SHA2-256-128", auth_key=block(log, "integrity %s key" % role),
        nat_t_header=header)


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


def in_udp(outer, src, dst):
    """ESP natively over IPv6, made one in UDP: scapy does this for IPv4 alone."""
    head = bytes(outer)[:-len(bytes(outer[ESP]))]
    esp = bytes(outer[ESP])
    udp = bytearray(bytes(UDP(sport=4500, dport=4500, len=8 + len(esp), chksum=0)) + esp)
    udp[6:8] = in6_chksum(17, IPv6(src=src, dst=dst), bytes(udp)).to_bytes(2, "big")
    head = bytearray(head)
    head[4:6] = (len(head) - 40 + len(udp)).to_bytes(2, "big")
    head[6 if len(head) == 40 else 40] = 17
    return Raw(bytes(head + udp))


def write6(log, iface, mac, src, dst):
    sa, link = association(log, "responder", None), Ether(dst=mac, src="02:00:00:00:00:99")
    options = [None, IPv6ExtHdrHopByHop(options=[PadN(optdata=bytes(4))]),
               IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(4))])]
    sendp(link / IPv6(src=src, dst=dst) / ICMPv6ND_NA(tgt=src, S=0, O=1, R=0) /
          ICMPv6NDOptDstLLAddr(lladdr=link.src), iface=iface, verbose=False)
    for number in range(len(SIZES)):
        ip = IPv6(src=src, dst=dst)
        if options[number % 3]:
            ip /= options[number % 3]
        packet = ip / ICMPv6EchoRequest(id=9, seq=number, data=payload(number))
        outer = in_udp(sa.encrypt(IPv6(bytes(packet))), src, dst)
        sendp(Ether(dst=mac, src=link.src, type=0x86dd) / outer, iface=iface, verbose=False)


def read6(log, pcap, src):
    sa, seen = association(log, "initiator", None), []
    for packet in rdpcap(pcap):
        if IPv6 not in packet or packet[IPv6].src != src or UDP not in packet or \
                packet[UDP].dport != 4500 or bytes(packet[UDP].payload)[:4] == bytes(4):
            continue
        udp = bytes(packet[UDP])
        outer = IPv6(src=src, dst=packet[IPv6].dst, nh=50) / ESP(udp[8:])
        plain = sa.decrypt(IPv6(bytes(outer)))
        if ICMPv6EchoReply not in plain:
            continue  # a ping of the gateway's own
        reply = plain[ICMPv6EchoReply]
        assert plain.nh == 58 and bytes(reply.data) == payload(reply.seq), plain
        seen.append(reply.seq)
    assert seen == list(range(len(SIZES))), seen
    print("   %d echoes over IPv6 were answered" % len(seen))


def main():
    with open(sys.argv[1], encoding="ascii", errors="replace") as file:
        log = file.read()
    six = ":" in sys.argv[-1]
    if sys.argv[2] == "write":
        (write6 if six else write)(log, *sys.argv[3:7])
    else:
        (read6 if six else read)(log, sys.argv[3], sys.argv[4])


if __name__ == "__main__":
    main()
