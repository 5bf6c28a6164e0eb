// Path MTU from outside (RFC 4301, 8.2): ICMP errors about outer packets. [W] They are not
// authentic; the control core believes one only if it quotes an SPI and addresses of ours.
#ifndef VIGIL_DATAPLANE_PATH_MTU_H
#define VIGIL_DATAPLANE_PATH_MTU_H

#include <rte_mbuf.h>
#include <stdbool.h>

struct worker;

// An ICMP packet for the gateway itself; its ICMP header is `head` bytes behind its IP header's
// start. True: it said that a packet is too big, and is gone.
bool path_mtu_learn(struct worker *w, struct rte_mbuf *m, uint32_t head);

#endif
