// A port of the peer farm, behind which hosts have addresses of their own: frames in and out, ARP
// for the one address that the port itself has. Over memif to a gateway of this project, or any
// other device of DPDK's.
#ifndef VIGIL_TESTS_SCALE_FARM_NET_H
#define VIGIL_TESTS_SCALE_FARM_NET_H

#include <rte_mbuf.h>
#include <stdbool.h>
#include <stdint.h>

#define FARM_GATEWAY  0xc0000201u // 192.0.2.1
#define FARM_ROUTER   0xc0000202u // 192.0.2.2
#define FARM_PEERS    0x64400000u // 100.64.0.0: peer i has 100.64.0.1 + i
#define FARM_HOSTS    0x0a000000u // 10.0.0.0: the host behind it has 10.0.0.1 + i
#define FARM_LAN_GW   0xac140001u // 172.20.0.1
#define FARM_LAN_HOST 0xac140002u // 172.20.0.2
#define FARM_BURST    64
#define FARM_FRAME    1514 // bytes of the largest frame, without its checksum

struct farm_datagram {
	uint32_t src, dst; // host order
	uint16_t src_port, dst_port;
	const uint8_t *data;
	uint16_t len;
};

struct farm_net {
	uint16_t port;
	uint32_t own, other; // addresses of this port and of the gateway's
	struct rte_mempool *pool;
	uint8_t mac[6], gateway[6];
	bool known; // the gateway's MAC address
	struct rte_mbuf *out[FARM_BURST];
	uint16_t n_out;
	uint64_t sent, lost; // frames
};

// Starts EAL with these devices, in the words of DPDK's --vdev. 0 or -errno, with a text on
// standard error.
int farm_net_eal(const char *const *devices, unsigned n);
// Starts a port, number as above. 0 or -errno, with a text on standard error.
int farm_net_start(struct farm_net *n, uint16_t port, uint32_t own, uint32_t gateway);
// Asks for the gateway's MAC address; n->known says when it has come.
void farm_net_ask(struct farm_net *n);
// Frames go out when FARM_BURST have gathered, or at farm_net_flush().
void farm_net_send(struct farm_net *n, const struct farm_datagram *d);
// Room for an IPv4 packet of so many bytes, its header written but for what is behind it, and on
// its way: it is to be filled before anything else is sent. NULL: there is none.
uint8_t *farm_net_packet(struct farm_net *n, uint32_t src, uint32_t dst, uint8_t protocol,
                         uint16_t len);
void farm_net_flush(struct farm_net *n);
// Takes a burst, answers ARP, and hands every whole IPv4 packet without options to fn. Returns how
// many frames came.
unsigned farm_net_poll(struct farm_net *n, void (*fn)(void *arg, const uint8_t *ip, uint16_t len),
                       void *arg);
// False: it is no UDP datagram, or not whole.
bool farm_net_datagram(const uint8_t *ip, uint16_t len, struct farm_datagram *d);

#endif
