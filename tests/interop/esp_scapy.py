#!/usr/bin/python3
"""ESP against scapy's implementation, in both directions, tunnel and transport mode, native and in
UDP (RFC 3948), with and without extended sequence numbers (RFC 4303, 2.2.1), with IPv6 inside,
outside and both.

Usage: esp_scapy.py ESP_TOOL. Prints TAP. ESP_TOOL is the stages of the dataplane as a filter, built
from tests/unit/dataplane/esp_tool.c: what it encrypts scapy must decrypt, and the reverse.
"""
import hmac
import os
import struct
import subprocess
import sys

try:
    from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP
    from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
    from scapy.layers.ipsec import ESP, SecurityAssociation
    from scapy.packet import Raw
except ImportError:
    print("1..0 # SKIP scapy is not installed")
    sys.exit(0)

# name, number in common/sa_spec.h, scapy's name, key length, salt length
CIPHERS = [
    ("null", 0, "NULL", 0, 0),
    ("3des", 2, "3DES", 24, 0),
    ("aes128", 3, "AES-CBC", 16, 0),
    ("aes192", 3, "AES-CBC", 24, 0),
    ("aes256", 3, "AES-CBC", 32, 0),
    ("aes128gcm", 4, "AES-GCM", 16, 4),
    ("aes192gcm", 4, "AES-GCM", 24, 4),
    ("aes256gcm", 4, "AES-GCM", 32, 4),
    ("chacha20poly1305", 5, "CHACHA20-POLY1305", 32, 4),
]
AUTHS = [
    ("md5", 1, "HMAC-MD5-96", 16),
    ("sha1", 2, "HMAC-SHA1-96", 20),
    ("sha256", 3, "SHA2-256-128", 32),
    ("sha384", 4, "SHA2-384-192", 48),
    ("sha512", 5, "SHA2-512-256", 64),
]
# How the tool calls them: bits.
IN_UDP, TRANSPORT, OUTER6, INNER6 = 1, 2, 4, 8
SIZES = [0, 1, 2, 3, 5, 14, 15, 16, 17, 63, 100, 511, 1000, 1300]


class Tool:
    """The filter: one line in, one line out."""

    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        universal_newlines=True)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def close(self):
        self.process.stdin.close()
        return self.process.wait()


def inner_packets():
    """Packets of all sizes with odd ends, several protocols and types of service."""
    for i, size in enumerate(SIZES):
        ip = IP(src="10.1.0.%d" % (i + 1), dst="10.2.0.9", ttl=60, tos=(i * 0x24) & 0xfc, id=i)
        upper = [UDP(sport=1000, dport=2000), TCP(sport=1, dport=2), ICMP()][i % 3]
        yield IP(bytes(ip / upper / Raw(os.urandom(size))))


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def host_packets():
    """The same between the two gateways, some with IP options."""
    for i, packet in enumerate(inner_packets()):
        packet.src, packet.dst = "192.0.2.1", "192.0.2.11"
        packet.options = [IPOption_NOP()] * (4 * (i % 4))
        for layer in (packet, packet.payload):
            del layer.chksum
        del packet.ihl, packet.len
        yield IP(bytes(packet))


def make_sa(tool, cipher, auth, form, esn):
    """One SA there and here; returns a function that makes scapy's."""
    _, number, name, key_len, salt_len = cipher
    key, salt = os.urandom(key_len), os.urandom(salt_len)
    auth_key = os.urandom(auth[3]) if auth else b""
    reply = tool.ask("sa %d %d %d %s %s %s %d" % (
        number, auth[1] if auth else 0, form, key.hex() or "-", auth_key.hex() or "-",
        salt.hex() or "-", esn))
    check(reply.startswith("spi "), reply)

    if form & OUTER6:
        header = IPv6(src="2001:db8:f::1", dst="2001:db8:f::2")
    else:
        header = IP(src="192.0.2.1", dst="192.0.2.11")

    def scapy_sa():
        return SecurityAssociation(
            ESP, spi=int(reply[4:], 16), crypt_algo=name, crypt_key=key + salt or None,
            auth_algo=auth[2] if auth else "NULL", auth_key=auth_key or None,
            tunnel_header=None if form & TRANSPORT else header, esn_en=esn,
            nat_t_header=UDP(sport=4500, dport=4500) if form & IN_UDP else None)

    return scapy_sa, auth_key


def esp_of(outer, udp):
    return ESP(bytes(outer[UDP].payload) if udp else bytes(outer.payload))


def native(outer, esp):
    return IP(bytes(IP(src=outer.src, dst=outer.dst, proto=50) / esp))


def check_suite(tool, cipher, auth, udp):
    scapy_sa, _ = make_sa(tool, cipher, auth, udp, False)
    ivs = set()
    for n, packet in enumerate(inner_packets(), 1):
        outer = IP(bytes.fromhex(tool.ask("encrypt " + bytes(packet).hex())))
        check(outer.src == "192.0.2.1" and outer.dst == "192.0.2.11", "outer addresses")
        check(outer.tos == packet.tos, "type of service")
        check((UDP in outer) == bool(udp), "encapsulation")
        esp = esp_of(outer, udp)
        check(esp.seq == n, "sequence number")
        ivs.add(esp.data[:8])
        plain = scapy_sa().decrypt(native(outer, esp))
        check(bytes(plain) == bytes(packet), "scapy decrypts %d bytes" % len(packet))
    if cipher[2] != "NULL":
        check(len(ivs) == len(SIZES), "an IV came twice")

    theirs = scapy_sa()
    for packet in inner_packets():
        outer = theirs.encrypt(packet)
        check(tool.ask("decrypt " + bytes(outer).hex()) == bytes(packet).hex(),
              "we decrypt %d bytes" % len(packet))
        check(tool.ask("decrypt " + bytes(outer).hex()) == "drop", "a replayed packet passed")
    bad = bytearray(bytes(theirs.encrypt(next(inner_packets()))))
    bad[-1] ^= 1
    check(tool.ask("decrypt " + bad.hex()) == "drop", "a wrong ICV passed")


def inner6_packets():
    for i, size in enumerate(SIZES):
        ip = IPv6(src="2001:db8:1::%x" % (i + 1), dst="2001:db8:2::9", hlim=60, tc=(i * 0x24) & 0xfc,
                  fl=i)
        upper = [UDP(sport=1000, dport=2000), TCP(sport=1, dport=2), ICMPv6EchoRequest()][i % 3]
        yield IPv6(bytes(ip / upper / Raw(os.urandom(size))))


def esp_over_ipv6(outer, udp):
    """The ESP packet of an outer IPv6 one, after a look at its header."""
    check(outer.src == "2001:db8:f::1" and outer.dst == "2001:db8:f::2", "outer addresses")
    check(outer.hlim == 64 and outer.nh == (17 if udp else 50), "outer header")
    if not udp:
        return ESP(bytes(outer.payload))
    again = outer.copy()
    del again[UDP].chksum, again[UDP].len
    check(IPv6(bytes(again))[UDP].chksum == outer[UDP].chksum, "UDP checksum")
    return ESP(bytes(outer[UDP].payload))


def in_udp(outer):
    """An IPv6 packet with ESP as it looks encapsulated; scapy does that for IPv4 alone."""
    head = IPv6(src=outer.src, dst=outer.dst, tc=outer.tc, fl=outer.fl)
    return head / UDP(sport=4500, dport=4500) / Raw(bytes(outer.payload))


def check_ipv6(tool, cipher, auth, udp):
    for form in (OUTER6, INNER6, OUTER6 | INNER6):
        over6 = form & OUTER6
        packets = list(inner6_packets() if form & INNER6 else inner_packets())
        scapy_sa, _ = make_sa(tool, cipher, auth, form | udp, False)
        theirs = scapy_sa()
        if over6:
            theirs.nat_t_header = None
        for n, packet in enumerate(packets, 1):
            data = bytes.fromhex(tool.ask("encrypt " + bytes(packet).hex()))
            outer = IPv6(data) if over6 else IP(data)
            esp = esp_over_ipv6(outer, udp) if over6 else esp_of(outer, udp)
            tos = packet.tc if form & INNER6 else packet.tos
            check((outer.tc if over6 else outer.tos) == tos, "traffic class")
            check(esp.seq == n, "sequence number")
            bare = IPv6(bytes(IPv6(src=outer.src, dst=outer.dst, nh=50) / esp)) if over6 \
                else native(outer, esp)
            check(bytes(scapy_sa().decrypt(bare)) == bytes(packet),
                  "scapy decrypts %d bytes" % len(packet))
        for packet in packets:
            outer = theirs.encrypt(packet)
            if over6 and udp:
                outer = in_udp(outer)
            check(tool.ask("decrypt " + bytes(outer).hex()) == bytes(packet).hex(),
                  "we decrypt %d bytes" % len(packet))
            check(tool.ask("decrypt " + bytes(outer).hex()) == "drop", "a replayed packet passed")


class Extended:
    """scapy for one extended sequence number. It knows them with AEAD ciphers; of an HMAC that an ESP
    packet has behind it, it leaves the upper half out, so hmac of the standard library adds it."""

    def __init__(self, scapy_sa, auth, auth_key, number):
        self.sa, self.auth, self.auth_key = scapy_sa(), auth, auth_key
        self.sa.seq_num, self.sa.esn = number & 0xffffffff, number >> 32

    def icv(self, data):
        upper = struct.pack("!L", self.sa.esn)
        return hmac.new(self.auth_key, data + upper, self.auth[0]).digest()[:self.icv_len()]

    def icv_len(self):
        return int(self.auth[2].rsplit("-", 1)[1]) // 8

    def encrypt(self, packet):
        outer = bytes(self.sa.encrypt(packet))
        if not self.auth:
            return outer
        head = 28 if self.sa.nat_t_header else 20
        esp = outer[head:-self.icv_len()]
        return outer[:head] + esp + self.icv(esp)

    def decrypt(self, outer, esp):
        if self.auth:
            data = bytes(esp)
            check(self.icv(data[:-self.icv_len()]) == data[-self.icv_len():], "ICV")
        return self.sa.decrypt(native(outer, esp), verify=False)


def check_transport(tool, cipher, auth, udp):
    scapy_sa, _ = make_sa(tool, cipher, auth, udp | TRANSPORT, False)
    for n, packet in enumerate(host_packets(), 1):
        outer = IP(bytes.fromhex(tool.ask("encrypt " + bytes(packet).hex())))
        check(outer.proto == (17 if udp else 50), "protocol")
        check(outer.options == packet.options, "options")
        check((outer.tos, outer.id, outer.ttl) == (packet.tos, packet.id, packet.ttl), "header")
        check(IP(bytes(outer)).chksum == IP(bytes(fresh(outer))).chksum, "header checksum")
        esp = esp_of(outer, udp)
        check(esp.seq == n, "sequence number")
        header = outer.copy()
        header.remove_payload()
        header.proto = 50
        plain = scapy_sa().decrypt(IP(bytes(fresh(header / esp))))
        check(bytes(fresh(plain)) == bytes(packet), "scapy decrypts %d bytes" % len(packet))

    theirs = scapy_sa()
    for packet in host_packets():
        outer = bytes(theirs.encrypt(packet))
        if udp and UDP in packet:  # RFC 3948, 3.1.2: addresses may have changed under it
            packet[UDP].chksum = 0
        check(tool.ask("decrypt " + outer.hex()) == bytes(packet).hex(),
              "we decrypt %d bytes" % len(packet))
        check(tool.ask("decrypt " + outer.hex()) == "drop", "a replayed packet passed")
    if udp:  # a NAT may bring it from anywhere
        return
    alien = next(host_packets())
    alien.src = "192.0.2.2"
    check(tool.ask("decrypt " + bytes(theirs.encrypt(fresh(alien))).hex()) == "drop",
          "a packet of another host passed")


def fresh(packet):
    """With length and header checksum computed anew."""
    del packet[IP].chksum, packet[IP].len
    return packet


def check_wrap(tool, cipher, auth, udp):
    """Around 2^32 and a higher multiple: ours to scapy, and scapy's to us, some of them late."""
    scapy_sa, auth_key = make_sa(tool, cipher, auth, udp, True)

    def peer(number):
        return Extended(scapy_sa, auth, auth_key, number)

    packets = list(inner_packets())
    for wrap in (1 << 32, 0xfedcba98 << 32):
        start = wrap - len(packets) // 2
        check(tool.ask("sequence %x" % start) == "ok", "sequence")
        for n, packet in enumerate(packets, start + 1):
            outer = IP(bytes.fromhex(tool.ask("encrypt " + bytes(packet).hex())))
            esp = esp_of(outer, udp)
            check(esp.seq == n & 0xffffffff, "sequence number")
            plain = peer(n).decrypt(outer, esp)
            check(bytes(plain) == bytes(packet), "scapy decrypts number %x" % n)

        sent = [peer(n).encrypt(packet).hex() for n, packet in enumerate(packets, start + 1)]
        order = list(range(len(packets)))
        for i in order[::2] + order[1::2][::-1]:
            check(tool.ask("decrypt " + sent[i]) == bytes(packets[i]).hex(),
                  "we decrypt number %x" % (start + 1 + i))
            check(tool.ask("decrypt " + sent[i]) == "drop", "a replayed packet passed")
        other = peer(wrap + (1 << 32) + 100).encrypt(packets[0]).hex()
        check(tool.ask("decrypt " + other) == "drop", "a wrong upper half passed")


def main():
    tool = Tool(sys.argv[1])
    suites = []
    for cipher in CIPHERS:
        for auth in [None] if cipher[4] else AUTHS:
            suites += [(check_suite, cipher, auth, udp) for udp in (0, 1)]
            suites += [(check_wrap, cipher, auth, udp) for udp in (0, 1)]
            suites += [(check_transport, cipher, auth, udp) for udp in (0, 1)]
            suites += [(check_ipv6, cipher, auth, udp) for udp in (0, 1)]
    failed = 0
    print("1..%d" % len(suites))
    for i, (run, cipher, auth, udp) in enumerate(suites, 1):
        kind = {check_wrap: " with esn", check_transport: " in transport mode",
                check_ipv6: " and IPv6"}.get(run, "")
        title = "%s%s%s%s" % (cipher[0], "-" + auth[0] if auth else "", " in udp" if udp else "",
                              kind)
        try:
            run(tool, cipher, auth, udp)
            print("ok %d - %s" % (i, title), flush=True)
        except Exception as error:  # pylint: disable=broad-except
            failed += 1
            print("not ok %d - %s" % (i, title))
            print("# %s: %s" % (type(error).__name__, error), flush=True)
    status = tool.close()
    if status:
        print("Bail out! the tool ended with %d" % status)
    return 1 if failed or status else 0


if __name__ == "__main__":
    sys.exit(main())
