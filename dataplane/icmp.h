// ICMP of both families: how much of it the gateway sends.
#ifndef VIGIL_DATAPLANE_ICMP_H
#define VIGIL_DATAPLANE_ICMP_H

#include "packet.h"
#include "worker.h"

#define ICMP_UNREACHABLE 3
#define ICMP_FRAG_NEEDED 4 // a code of it

// [W] One more error may go out (RFC 1812, 4.3.2.8; RFC 4443, 2.4 (f)); counts one that may not.
bool icmp_may_send(struct worker *w, struct icmp_budget *b);

// Flags of an error about m.
static inline uint8_t icmp_flags(struct rte_mbuf *m)
{
	return PACKET_MADE | (packet_of(m)->flags & PACKET_DECRYPTED ? PACKET_QUOTES : 0);
}

#endif
