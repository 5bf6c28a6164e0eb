// Neighbour solicitations and advertisements on the wire (RFC 4861, 4.3 and 4.4), and solicitations
// of routers (4.1). Any thread; pure.
#ifndef VIGIL_ND_MESSAGE_H
#define VIGIL_ND_MESSAGE_H

#include "types.h"

struct writer;

#define ND_FRAME 86 // bytes of a frame that nd_write() makes: Ethernet, IPv6, ICMPv6 and one option

enum nd_type { ND_ROUTER_SOLICITATION = 133, ND_SOLICITATION = 135, ND_ADVERTISEMENT = 136 };

struct nd_message {
	uint8_t type;                     // enum nd_type
	struct ip_addr src, dst, target;  // target: not of a router solicitation
	uint8_t from[6], to[6];           // Ethernet addresses of the frame
	bool router, solicited, override; // of an advertisement
	bool has_mac;                     // source or target link-layer address option
	uint8_t mac[6];
};

// A whole Ethernet frame without VLAN tag. 0, -ENOENT (it is none of the messages), -EBADMSG (RFC
// 4861, 6.1.1, 7.1.1 and 7.1.2: hop limit, checksum, lengths, addresses, options).
int nd_read(const uint8_t *frame, size_t len, struct nd_message *out);
// Makes the frame of a message and returns its length.
size_t nd_write(const struct nd_message *m, uint8_t frame[ND_FRAME]);
// Ethernet and IPv6 headers of any message of neighbour discovery, `len` bytes long.
void nd_write_headers(struct writer *w, const struct nd_message *m, uint16_t len);
// RFC 4443, 2.3: over the pseudo-header and the message; 0 if a message with its checksum is right.
uint16_t nd_checksum(const struct ip_addr *src, const struct ip_addr *dst, const uint8_t *message,
                     size_t len);
// ff02::1:ffXX:XXXX (RFC 4291, 2.7.1)
struct ip_addr nd_solicited_node(const struct ip_addr *target);
// 33:33 and the last four bytes (RFC 2464, 7)
void nd_multicast_mac(const struct ip_addr *group, uint8_t mac[6]);

#endif
