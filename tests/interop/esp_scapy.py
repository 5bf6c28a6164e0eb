#!/usr/bin/python3
"""ESP against scapy's implementation, in both directions, native and in UDP (RFC 3948).

Usage: esp_scapy.py ESP_TOOL. Prints TAP. ESP_TOOL is the stages of the dataplane as a filter, built
from tests/unit/dataplane/esp_tool.c: what it encrypts scapy must decrypt, and the reverse.
"""
import os
import subprocess
import sys

try:
    from scapy.layers.inet import ICMP, IP, TCP, UDP
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


def check_suite(tool, cipher, auth, udp):
    _, number, name, key_len, salt_len = cipher
    key, salt = os.urandom(key_len), os.urandom(salt_len)
    auth_key = os.urandom(auth[3]) if auth else b""
    reply = tool.ask("sa %d %d %d %s %s %s" % (
        number, auth[1] if auth else 0, udp, key.hex() or "-", auth_key.hex() or "-",
        salt.hex() or "-"))
    check(reply.startswith("spi "), reply)

    def scapy_sa():
        return SecurityAssociation(
            ESP, spi=int(reply[4:], 16), crypt_algo=name, crypt_key=key + salt or None,
            auth_algo=auth[2] if auth else "NULL", auth_key=auth_key or None,
            tunnel_header=IP(src="192.0.2.1", dst="192.0.2.11"),
            nat_t_header=UDP(sport=4500, dport=4500) if udp else None)

    ivs = set()
    for n, packet in enumerate(inner_packets(), 1):
        outer = IP(bytes.fromhex(tool.ask("encrypt " + bytes(packet).hex())))
        check(outer.src == "192.0.2.1" and outer.dst == "192.0.2.11", "outer addresses")
        check(outer.tos == packet.tos, "type of service")
        check((UDP in outer) == bool(udp), "encapsulation")
        esp = ESP(bytes(outer[UDP].payload) if udp else bytes(outer.payload))
        check(esp.seq == n, "sequence number")
        ivs.add(esp.data[:8])
        plain = scapy_sa().decrypt(IP(bytes(IP(src=outer.src, dst=outer.dst, proto=50) / esp)))
        check(bytes(plain) == bytes(packet), "scapy decrypts %d bytes" % len(packet))
    if name != "NULL":
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


def main():
    tool = Tool(sys.argv[1])
    suites = []
    for cipher in CIPHERS:
        for auth in [None] if cipher[4] else AUTHS:
            suites += [(cipher, auth, udp) for udp in (0, 1)]
    failed = 0
    print("1..%d" % len(suites))
    for i, (cipher, auth, udp) in enumerate(suites, 1):
        title = "%s%s%s" % (cipher[0], "-" + auth[0] if auth else "", " in udp" if udp else "")
        try:
            check_suite(tool, cipher, auth, udp)
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
