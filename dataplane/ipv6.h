// IPv6 headers (RFC 8200). [any] Pure functions of a packet's bytes.
#ifndef VIGIL_DATAPLANE_IPV6_H
#define VIGIL_DATAPLANE_IPV6_H

#include <rte_ip.h>
#include <stdbool.h>
#include <stdint.h>

#define IPV6_EXTENSIONS_MAX 8 // headers of a chain; more is nothing that anybody sends
#define IPV6_MTU_MIN        1280u
#define IPV6_FRAGMENT_SIZE  8u
#define IPV6_PAYLOAD_LENGTH 4u // where in the header

// What stands behind the IPv6 header. A later fragment shows no more than its fragment header.
struct ipv6_chain {
	uint16_t payload;  // where the first header begins that is no extension, from the packet's
	                   // start; IPPROTO_NONE: the end
	uint16_t fragment; // where the fragment header begins, 0 = there is none
	uint16_t option; // where an option begins that only a node that knows it may pass over, or
	                 // one that is cut short (RFC 8200, 4.2); 0 = there is none
	uint16_t routed; // where a routing header begins that still has something to say (RFC 5095:
	                 // of type 0 nobody may heed it); 0 = there is none
	uint16_t named;  // where the byte stands that says what the payload is
	uint8_t proto;   // of the payload: TCP, ESP, AH, IPPROTO_NONE ...
	bool later;      // a fragment but the first: `proto` is of what began there
	bool hidden;     // ... with another extension header, so the payload's is not to be seen
};

// Walks the chain of a packet of `len` bytes, 40 or more. False: a header is cut short, stands
// where none may (hop-by-hop options behind another, a second fragment header), or they are too
// many.
bool ipv6_chain(const uint8_t *packet, uint32_t len, struct ipv6_chain *chain);

// Is the packet whole: version, at least 40 bytes, and the payload as long as it says? *total is
// then its length; what follows is not its own. Jumbograms (RFC 2675) are not.
bool ipv6_is_whole(const uint8_t *packet, uint32_t len, uint32_t *total);

// RFC 4291, 2.5 and 2.7: may the address stand as a source, and as a destination of a packet that a
// router gets? Multicast, unspecified, loopback and IPv4-mapped ones may not.
bool ipv6_is_host(const uint8_t addr[16]);
bool ipv6_is_link_local(const uint8_t addr[16]);

// RFC 8200, 8.1: the sum over pseudo header and upper-layer packet, with the checksum that stands
// there; 0xffff = it holds. With 0 in its place the complement is what belongs there.
uint16_t ipv6_sum(const struct rte_ipv6_hdr *ip, uint8_t proto, const void *data, uint32_t len);

#endif
