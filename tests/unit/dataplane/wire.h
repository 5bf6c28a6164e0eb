// The outside of a running dataplane, for tests: two memif ports in the same process that are the
// hosts at the other end of the gateway's ports, and frames made by hand.
#ifndef TEST_WIRE_H
#define TEST_WIRE_H

#include <errno.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_udp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/dp.h"

#define WIRE_FRAME_MAX 9300

struct wire {
	uint16_t port;
	struct rte_mempool *pool;
	uint8_t host_mac[6], gateway_mac[6];
};

struct frame {
	uint16_t len;
	uint8_t data[WIRE_FRAME_MAX];
};

static inline struct rte_ipv4_hdr *frame_ip(struct frame *f)
{
	return (struct rte_ipv4_hdr *)(f->data + RTE_ETHER_HDR_LEN);
}

static inline uint8_t *frame_l4(struct frame *f)
{
	return (uint8_t *)frame_ip(f) + (frame_ip(f)->version_ihl & 15) * 4;
}

static inline uint16_t frame_type(const struct frame *f)
{
	return (uint16_t)(f->data[12] << 8 | f->data[13]);
}

// The device string of the gateway's side of wire `id`, and the test's.
static inline void wire_device(char *out, size_t size, unsigned id)
{
	snprintf(out, size, "net_memif%u,role=server,id=%u,socket=vigil-test-%d", id, id,
	         (int)getpid());
}

static inline int wire_open(struct wire *w, unsigned id, const uint8_t gateway_mac[6])
{
	struct rte_eth_conf conf = {0};
	char name[32], args[128];
	struct rte_ether_addr mac;
	int rc;

	snprintf(name, sizeof(name), "net_memif%u", id + 8);
	snprintf(args, sizeof(args), "role=client,id=%u,socket=vigil-test-%d", id, (int)getpid());
	rc = rte_eal_hotplug_add("vdev", name, args);
	if (rc == 0)
		rc = rte_eth_dev_get_port_by_name(name, &w->port);
	snprintf(name, sizeof(name), "wire%u", id);
	w->pool =
		rte_pktmbuf_pool_create(name, 2047, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (rc == 0)
		rc = w->pool ? rte_eth_dev_configure(w->port, 1, 1, &conf) : -ENOMEM;
	if (rc == 0)
		rc = rte_eth_rx_queue_setup(w->port, 0, 256, SOCKET_ID_ANY, NULL, w->pool);
	if (rc == 0)
		rc = rte_eth_tx_queue_setup(w->port, 0, 256, SOCKET_ID_ANY, NULL);
	if (rc == 0)
		rc = rte_eth_dev_start(w->port);
	if (rc == 0)
		rc = rte_eth_macaddr_get(w->port, &mac);
	memcpy(w->host_mac, mac.addr_bytes, 6);
	memcpy(w->gateway_mac, gateway_mac, 6);
	return rc;
}

// Also looks for a frame once: a memif client gives its peer buffers to fill only when it receives.
static inline bool wire_wait_link(const struct wire *w)
{
	struct rte_eth_link link;
	struct rte_mbuf *m;

	for (unsigned i = 0; i < 3000; i++) {
		if (rte_eth_link_get_nowait(w->port, &link) == 0 && link.link_status)
			return rte_eth_rx_burst(w->port, 0, &m, 1) == 0;
		usleep(10000);
	}
	return false;
}

static inline void wire_close(struct wire *w)
{
	rte_eth_dev_stop(w->port);
	rte_eth_dev_close(w->port);
	rte_mempool_free(w->pool);
}

static inline bool wire_send(struct wire *w, const struct frame *f)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(w->pool);

	if (!m)
		return false;
	memcpy(rte_pktmbuf_append(m, f->len), f->data, f->len);
	if (rte_eth_tx_burst(w->port, 0, &m, 1) == 1)
		return true;
	rte_pktmbuf_free(m);
	return false;
}

// The next frame within `ms`.
static inline bool wire_recv(struct wire *w, struct frame *f, unsigned ms)
{
	struct rte_mbuf *m;

	for (unsigned i = 0; i <= ms * 10; i++) {
		if (rte_eth_rx_burst(w->port, 0, &m, 1) == 1) {
			f->len = (uint16_t)rte_pktmbuf_pkt_len(m);
			memcpy(f->data, rte_pktmbuf_read(m, 0, f->len, f->data), f->len);
			rte_pktmbuf_free(m);
			return true;
		}
		usleep(100);
	}
	return false;
}

static inline void frame_ether(const struct wire *w, struct frame *f, uint16_t type)
{
	memcpy(f->data, w->gateway_mac, 6);
	memcpy(f->data + 6, w->host_mac, 6);
	f->data[12] = (uint8_t)(type >> 8);
	f->data[13] = (uint8_t)type;
}

// An IPv4 packet with `len` bytes after the header, taken from payload; addresses in host order.
static inline void frame_ipv4(const struct wire *w, struct frame *f, uint32_t src, uint32_t dst,
                              uint8_t proto, const void *payload, uint16_t len)
{
	struct rte_ipv4_hdr *ip = frame_ip(f);

	frame_ether(w, f, RTE_ETHER_TYPE_IPV4);
	memset(ip, 0, sizeof(*ip));
	ip->version_ihl = RTE_IPV4_VHL_DEF;
	ip->total_length = rte_cpu_to_be_16((uint16_t)(sizeof(*ip) + len));
	ip->time_to_live = 64;
	ip->next_proto_id = proto;
	ip->src_addr = rte_cpu_to_be_32(src);
	ip->dst_addr = rte_cpu_to_be_32(dst);
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	memcpy(ip + 1, payload, len);
	f->len = (uint16_t)(RTE_ETHER_HDR_LEN + sizeof(*ip) + len);
}

// Sets the checksum anew after a test changed the header.
static inline void frame_checksum(struct frame *f)
{
	struct rte_ipv4_hdr *ip = frame_ip(f);

	ip->hdr_checksum = 0;
	ip->hdr_checksum = (uint16_t)~rte_raw_cksum(ip, (ip->version_ihl & 15u) * 4);
}

static inline bool frame_checksum_ok(struct frame *f)
{
	return rte_raw_cksum(frame_ip(f), (frame_ip(f)->version_ihl & 15u) * 4) == 0xffff;
}

static inline void frame_udp(const struct wire *w, struct frame *f, uint32_t src, uint32_t dst,
                             uint16_t sport, uint16_t dport, const void *data, uint16_t len)
{
	uint8_t payload[WIRE_FRAME_MAX];
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)payload;

	memset(udp, 0, sizeof(*udp));
	udp->src_port = rte_cpu_to_be_16(sport);
	udp->dst_port = rte_cpu_to_be_16(dport);
	udp->dgram_len = rte_cpu_to_be_16((uint16_t)(sizeof(*udp) + len));
	memcpy(udp + 1, data, len);
	frame_ipv4(w, f, src, dst, IPPROTO_UDP, payload, (uint16_t)(sizeof(*udp) + len));
	udp = (struct rte_udp_hdr *)frame_l4(f);
	udp->dgram_cksum = rte_ipv4_udptcp_cksum(frame_ip(f), udp);
}

// An echo request of `len` bytes in all, 8 and more; the bytes after the header count up.
static inline uint16_t icmp_echo(uint8_t *icmp, uint16_t len)
{
	uint16_t sum;

	for (uint16_t i = 0; i < len; i++)
		icmp[i] = (uint8_t)i;
	memset(icmp, 0, 4);
	icmp[0] = 8;
	sum = (uint16_t)~rte_raw_cksum(icmp, len);
	memcpy(icmp + 2, &sum, 2);
	return len;
}

// What all workers counted under a name that there is.
static inline uint64_t wire_counter(const struct dp *dp, const char *name)
{
	uint64_t sum = 0;
	bool there = false;

	for (unsigned c = 0; c < dp_counters(dp); c++) {
		if (strcmp(dp_counter_name(dp, c), name) != 0)
			continue;
		there = true;
		for (unsigned w = 0; w < dp_workers(dp); w++)
			sum += dp_counter(dp, w, c);
	}
	assert_true(there);
	return sum;
}

// Sends a frame that must be dropped for this reason and no other.
static inline void wire_expect_drop(const struct dp *dp, struct wire *w, const struct frame *f,
                                    const char *name)
{
	uint64_t before = wire_counter(dp, name);

	assert_true(wire_send(w, f));
	for (unsigned i = 0; i < 10000 && wire_counter(dp, name) == before; i++)
		usleep(1000);
	if (wire_counter(dp, name) != before + 1)
		fail_msg("%s counted %lu, not 1", name,
		         (unsigned long)(wire_counter(dp, name) - before));
}

static inline unsigned wire_punt(struct dp *dp, enum dp_punt class, struct dp_view *v)
{
	for (unsigned i = 0; i < 10000; i++) {
		if (dp_punt_recv(dp, class, v, 1))
			return 1;
		usleep(1000);
	}
	return 0;
}

#endif
