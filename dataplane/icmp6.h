// ICMPv6 of the gateway's own (RFC 4443). [W]
#ifndef VIGIL_DATAPLANE_ICMP6_H
#define VIGIL_DATAPLANE_ICMP6_H

#include "ipv6.h"
#include "worker.h"

enum icmp6_type {
	ICMP6_UNREACHABLE = 1,
	ICMP6_TOO_BIG = 2,
	ICMP6_TIME_EXCEEDED = 3,
	ICMP6_PARAMETER = 4,
	ICMP6_ECHO = 128,
	ICMP6_ECHO_REPLY = 129,
	ICMP6_REDIRECT = 137,
};

#define ICMP6_NO_ROUTE     0 // codes of ICMP6_UNREACHABLE
#define ICMP6_ADDRESS      3
#define ICMP6_PORT         4
#define ICMP6_REJECT_ROUTE 6
#define ICMP6_FIELD        0 // codes of ICMP6_PARAMETER
#define ICMP6_HEADER       1
#define ICMP6_OPTION       2

// Sends an ICMPv6 error about m to its source, if the rules (RFC 4443, 2.4) and the rate limit
// allow. `info` is the second word (MTU), host order. m stays the caller's and is unchanged.
void icmp6_error(struct worker *w, struct rte_mbuf *m, uint8_t type, uint8_t code, uint32_t info);
// Has a packet for us extension headers that ask for what we do not do: a routing header with
// segments left (RFC 8200, 4.4), an option that we may not pass over (4.2)? True: so it has, and
// its sender hears of the first one if that is wanted. m stays the caller's.
bool icmp6_chain_refused(struct worker *w, struct rte_mbuf *m, const struct ipv6_chain *chain);
// Turns an echo request for the gateway, whose checksum holds, into its answer and takes it. False:
// it is none.
bool icmp6_echo(struct worker *w, struct rte_mbuf *m);
// Is it, without extension headers, an echo request to all nodes of the link? Then it is one to the
// address of ours that is to answer (RFC 4443, 4.2), of the scope of its source. m begins with an
// IPv6 header, of which nothing has been checked.
bool icmp6_echo_to_all(const struct iface *iface, struct rte_mbuf *m);

#endif
