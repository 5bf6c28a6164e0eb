// The network of the peer farm: one memif port, behind whose router (192.0.2.2) every peer has an
// address of its own. UDP datagrams in and out, ARP; nothing else is answered.
#ifndef VIGIL_TESTS_SCALE_FARM_NET_H
#define VIGIL_TESTS_SCALE_FARM_NET_H

#include <rte_mbuf.h>
#include <stdbool.h>
#include <stdint.h>

#define FARM_GATEWAY 0xc0000201u // 192.0.2.1
#define FARM_ROUTER  0xc0000202u // 192.0.2.2
#define FARM_PEERS   0x64400000u // 100.64.0.0: peer i has 100.64.0.1 + i
#define FARM_BURST   64

struct farm_datagram {
	uint32_t src, dst; // host order
	uint16_t src_port, dst_port;
	const uint8_t *data;
	uint16_t len;
};

struct farm_net {
	uint16_t port;
	struct rte_mempool *pool;
	uint8_t mac[6], gateway[6];
	bool known; // the gateway's MAC address
	struct rte_mbuf *out[FARM_BURST];
	uint16_t n_out;
	uint64_t sent, lost; // frames
};

// Starts EAL and the port, as client of the memif socket at `path`. 0 or -errno, with a text on
// standard error.
int farm_net_start(struct farm_net *n, const char *path);
// Asks for the gateway's MAC address; n->known says when it has come.
void farm_net_ask(struct farm_net *n);
// Frames go out when FARM_BURST have gathered, or at farm_net_flush().
void farm_net_send(struct farm_net *n, const struct farm_datagram *d);
void farm_net_flush(struct farm_net *n);
// Takes a burst, answers ARP, and hands every UDP datagram to fn. Returns how many frames came.
unsigned farm_net_poll(struct farm_net *n, void (*fn)(void *arg, const struct farm_datagram *d),
                       void *arg);

#endif
