// A port that a test feeds and empties by rings.
#ifndef VIGIL_TESTS_RING_PORT_H
#define VIGIL_TESTS_RING_PORT_H

#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <stdio.h>

struct ring_port {
	struct rte_ring *arriving, *sent;
	uint16_t port;
};

// 0 or -1.
static inline int ring_port_make(struct ring_port *p, unsigned i, struct rte_mempool *pool)
{
	const struct rte_eth_conf conf = {0};
	char name[32];
	int port;

	snprintf(name, sizeof(name), "ring_port_rx%u", i);
	p->arriving = rte_ring_create(name, 1024, SOCKET_ID_ANY, 0);
	snprintf(name, sizeof(name), "ring_port_tx%u", i);
	p->sent = rte_ring_create(name, 1024, SOCKET_ID_ANY, 0);
	if (!p->arriving || !p->sent)
		return -1;
	snprintf(name, sizeof(name), "ring_port%u", i);
	port = rte_eth_from_rings(name, &p->arriving, 1, &p->sent, 1, 0);
	if (port < 0 || rte_eth_dev_configure((uint16_t)port, 1, 1, &conf) ||
	    rte_eth_rx_queue_setup((uint16_t)port, 0, 256, 0, NULL, pool) ||
	    rte_eth_tx_queue_setup((uint16_t)port, 0, 256, 0, NULL) ||
	    rte_eth_dev_start((uint16_t)port))
		return -1;
	p->port = (uint16_t)port;
	return 0;
}

#endif
